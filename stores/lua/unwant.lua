-- Take all demand of orders away. Batch: {order, ...}; answers 1 done, 0 there was none. KEYS 1-7 are not used.
local state = redis.call('HMGET', KEYS[11], 'epoch', 'server')
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then
  return 'stopped'
end
local answers = {}
for i, order in ipairs(cjson.decode(ARGV[5])) do
  local had, moved = demand_of(order), {}
  answers[i] = 0
  for sku, qty in pairs(had) do
    moved[sku] = -qty
    answers[i] = 1
  end
  if answers[i] == 1 then
    set_demand(order, {}, moved)
  end
end
return answers
