-- Movements from outside, once per key. Batch: {{key, kind, sku, on hand, held, defective, ref, at, reason}, ...}
-- Answers: done, already, below_zero, below_held.
local function move(key, kind, sku, on_hand, held, defective, ref, at, reason)
  if played(key, sku) then
    return 'already'
  end
  local l = level(sku)
  if math.min(l[1] + on_hand, l[2] + held, l[3] + defective) < 0 then
    return 'below_zero'
  end
  -- A count may have left on-hand below held: what does not make that worse is let through.
  if l[1] + on_hand < l[2] + held and (on_hand < 0 or held > 0) then
    return 'below_held'
  end
  book(key, kind, ref, at, reason, {{sku, on_hand, held, defective}})
  play(key, sku)
  return 'done'
end

local answers = {}
for i, m in ipairs(batch) do
  answers[i] = move(unpack(m))
end
flush()
return answers
