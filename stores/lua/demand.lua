-- Demand: per order {sku: pieces}, the sum per SKU, and a journal that says what an order wants from then on.
local function demand_of(order)
  local raw = redis.call('HGET', KEYS[8], order)
  return raw and cjson.decode(raw) or {}
end

-- moved: {sku: difference}, what `wanted` is now more or less than before
local function set_demand(order, wanted, moved)
  for sku, qty in pairs(moved) do
    if qty ~= 0 and redis.call('HINCRBY', KEYS[9], sku, qty) == 0 then
      redis.call('HDEL', KEYS[9], sku)
    end
  end
  local text = cjson.encode(wanted)
  if next(wanted) == nil then
    redis.call('HDEL', KEYS[8], order)
  else
    redis.call('HSET', KEYS[8], order, text)
  end
  redis.call('XADD', KEYS[10], redis.call('HINCRBY', KEYS[11], 'seq', 1) .. '-1', 'o', order, 'd', text)
end

-- items: {{sku, pieces}, ...}; sign: 1 more is wanted, -1 it is held now
local function change_demand(order, items, sign)
  local wanted, moved = demand_of(order), {}
  for _, item in ipairs(items) do
    local sku, had = item[1], wanted[item[1]] or 0
    local new = math.max(had + sign * item[2], 0)
    if new ~= had then
      wanted[sku] = new > 0 and new or nil
      moved[sku] = (moved[sku] or 0) + new - had
    end
  end
  if next(moved) ~= nil then
    set_demand(order, wanted, moved)
  end
end
