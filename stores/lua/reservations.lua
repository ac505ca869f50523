-- Reservations of one warehouse: per order a list, by attempt, of {id, attempt, items, shipped, state, at}.
local ID, ATTEMPT, ITEMS, SHIPPED, STATE, AT = 1, 2, 3, 4, 5, 6
local known, changed = {}, {}

local function reservations(order)
  local found = known[order]
  if not found then
    local raw = redis.call('HGET', KEYS[3], order)
    found = raw and cjson.decode(raw) or {}
    known[order] = found
  end
  return found
end

-- pieces of one SKU that a reservation still holds
local function left(held, sku, qty)
  return qty - (held[SHIPPED][sku] or 0)
end

local function row(held, order)
  return {held[ID], order, held[ATTEMPT], held[ITEMS], held[SHIPPED], held[STATE], held[AT]}
end

-- Give back what an open reservation still holds; why: superseded or released.
local function give_back(held, order, why)
  local lines, pieces = {}, {}
  for _, item in ipairs(held[ITEMS]) do
    local rest = left(held, item[1], item[2])
    if rest > 0 then
      lines[#lines + 1] = {item[1], 0, -rest, 0}
      pieces[#pieces + 1] = {item[1], rest}
    end
  end
  held[STATE] = why
  changed[order] = true
  book(held[ID] .. ':' .. why, 'release', order, now, why, lines, {row(held, order)})
  return pieces
end

local function keep_reservations()
  for order in pairs(changed) do
    redis.call('HSET', KEYS[3], order, cjson.encode(known[order]))
  end
end
