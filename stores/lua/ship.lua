-- Pieces left. Batch: {{parcel, {{order, sku, pieces}, ...}}, ...}; answers per parcel: done, already, not_held, below_zero.

-- what of a parcel did not ship before: a list of {order, sku, pieces}, each pair once
local function todo_of(parcel, items)
  local todo, seen = {}, {}
  for _, item in ipairs(items) do
    local order, sku = item[1], item[2]
    if not played('ship:' .. parcel .. ':' .. order, sku) then
      local pair = order .. '|' .. sku
      if seen[pair] then
        seen[pair][3] = seen[pair][3] + item[3]
      else
        seen[pair] = {order, sku, item[3]}
        todo[#todo + 1] = seen[pair]
      end
    end
  end
  return todo
end

-- from which open reservations the pieces come: {{held, order, sku, pieces}, ...}, nil when an order holds too little
local function plan_of(todo)
  local plan = {}
  for _, one in ipairs(todo) do
    local order, sku, need = one[1], one[2], one[3]
    for _, held in ipairs(reservations(order)) do
      if held[STATE] == 'open' and need > 0 then
        for _, its in ipairs(held[ITEMS]) do
          if its[1] == sku then
            local part = math.min(need, left(held, sku, its[2]))
            if part > 0 then
              plan[#plan + 1] = {held, order, sku, part}
              need = need - part
            end
          end
        end
      end
    end
    if need > 0 then
      return nil
    end
  end
  return plan
end

local function enough_there(todo)
  local total = {}
  for _, one in ipairs(todo) do
    total[one[2]] = (total[one[2]] or 0) + one[3]
  end
  for sku, qty in pairs(total) do
    -- a count found less than is held: shipping what is not there would drive on-hand below zero
    if level(sku)[1] < qty then
      return false
    end
  end
  return true
end

local function close_if_empty(held)
  for _, its in ipairs(held[ITEMS]) do
    if left(held, its[1], its[2]) > 0 then
      return
    end
  end
  held[STATE] = 'shipped'
end

local function commit(parcel, todo, plan)
  local rows, lines, orders, seen = {}, {}, {}, {}
  for _, one in ipairs(todo) do
    if not lines[one[1]] then
      orders[#orders + 1], lines[one[1]], rows[one[1]] = one[1], {}, {}
    end
    table.insert(lines[one[1]], {one[2], -one[3], -one[3], 0})
    play('ship:' .. parcel .. ':' .. one[1], one[2])
  end
  for _, part in ipairs(plan) do
    local held, order, sku = part[1], part[2], part[3]
    held[SHIPPED][sku] = (held[SHIPPED][sku] or 0) + part[4]
    close_if_empty(held)
    changed[order] = true
    if not seen[held] then
      seen[held] = true
      table.insert(rows[order], held)
    end
  end
  for _, order in ipairs(orders) do
    local now_rows = {}
    for i, held in ipairs(rows[order]) do
      now_rows[i] = row(held, order)
    end
    book('ship:' .. parcel .. ':' .. order, 'ship', order, now, '', lines[order], now_rows)
  end
end

local function ship(parcel, items)
  local todo = todo_of(parcel, items)
  if #todo == 0 then
    return 'already'
  end
  local plan = plan_of(todo)
  if not plan then
    return 'not_held'
  end
  if not enough_there(todo) then
    return 'below_zero'
  end
  commit(parcel, todo, plan)
  return 'done'
end

local answers = {}
for i, one in ipairs(batch) do
  answers[i] = ship(one[1], one[2])
end
keep_reservations()
flush()
return answers
