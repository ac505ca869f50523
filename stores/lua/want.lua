-- Replace the demand of orders. Batch: {{order, {{sku, pieces}, ...}}, ...}; answers 1 done, 0 the order holds stock.
-- KEYS 1-7 are not used; from 12 on the reservations of every warehouse.
local function holds(order)
  for i = 12, #KEYS do
    local raw = redis.call('HGET', KEYS[i], order)
    if raw then
      for _, held in ipairs(cjson.decode(raw)) do
        if held[5] == 'open' then
          return true
        end
      end
    end
  end
  return false
end

local function replace(order, items)
  local had, wanted, moved = demand_of(order), {}, {}
  for _, item in ipairs(items) do
    wanted[item[1]] = (wanted[item[1]] or 0) + item[2]
  end
  for sku, qty in pairs(had) do
    moved[sku] = -qty
  end
  for sku, qty in pairs(wanted) do
    moved[sku] = (moved[sku] or 0) + qty
  end
  for _, qty in pairs(moved) do
    if qty ~= 0 then
      set_demand(order, wanted, moved)
      return
    end
  end
end

local state = redis.call('HMGET', KEYS[11], 'epoch', 'server')
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then
  return 'stopped'
end
local answers = {}
for i, one in ipairs(cjson.decode(ARGV[5])) do
  if holds(one[1]) then
    answers[i] = 0
  else
    replace(one[1], one[2])
    answers[i] = 1
  end
end
return answers
