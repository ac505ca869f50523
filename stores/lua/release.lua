-- Give held stock back. Batch: {to_demand, {{id, order}, ...}}; answers 1 done, 0 closed already or never granted.
local to_demand, answers = batch[1], {}
for i, one in ipairs(batch[2]) do
  answers[i] = 0
  for _, held in ipairs(reservations(one[2])) do
    if held[ID] == one[1] and held[STATE] == 'open' then
      local pieces = give_back(held, one[2], 'released')
      if to_demand then
        change_demand(one[2], pieces, 1)
      end
      answers[i] = 1
    end
  end
end
keep_reservations()
flush()
return answers
