-- Hold stock. Batch: {{id, order, attempt, {{sku, pieces}, ...}}, ...}
-- Answers per ask: {1} granted, {0} no, or {0, sku, missing, sku, missing, ...}; each ask sees what those before it took.
local function missing(items, older)
  local short = {0}
  for _, item in ipairs(items) do
    local sku, qty = item[1], item[2]
    local free = available(sku)
    for _, held in ipairs(older) do
      for _, its in ipairs(held[ITEMS]) do
        if its[1] == sku then
          free = free + left(held, sku, its[2])
        end
      end
    end
    if qty > free then
      short[#short + 1] = sku
      short[#short + 1] = qty - math.max(free, 0)
    end
  end
  return short
end

local function answer(id, order, attempt, items)
  local mine, older = reservations(order), {}
  for _, held in ipairs(mine) do
    if held[ID] == id then
      return {(held[STATE] == 'open' or held[STATE] == 'shipped') and 1 or 0}
    end
    if held[STATE] == 'open' then
      older[#older + 1] = held
    end
  end
  for _, held in ipairs(mine) do
    -- a late repeat of an attempt that a newer one has replaced
    if held[ATTEMPT] > attempt then
      return {0}
    end
  end
  local short = missing(items, older)
  if #short > 1 then
    return short
  end
  for _, held in ipairs(older) do
    give_back(held, order, 'superseded')
  end
  local made, lines = {id, attempt, items, {}, 'open', now}, {}
  mine[#mine + 1] = made
  changed[order] = true
  for i, item in ipairs(items) do
    lines[i] = {item[1], 0, item[2], 0}
  end
  book(id, 'reserve', order, now, '', lines, {row(made, order)})
  change_demand(order, items, -1)
  return {1}
end

local answers = {}
for i, ask in ipairs(batch) do
  answers[i] = answer(ask[1], ask[2], ask[3], ask[4])
end
keep_reservations()
flush()
return answers
