-- Set on-hand by counts. Batch: {reason, {{key, sku, pieces, as of}, ...}}; answers: done, counted_below_held, already, older_count,
-- below_zero. An entry bears the count's as-of time, so that a later count sees it as past.

-- sum of a SKU's on-hand movements after each as-of time, looked up once per time
local later = {}

local function moved_after(as_of, sku)
  if not later[as_of] then
    local sums = {}
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '(' .. as_of, '+inf')) do
      local its, qty = string.match(member, '^%d+|(.*)|(-?%d+)$')
      sums[its] = (sums[its] or 0) + tonumber(qty)
    end
    later[as_of] = sums
  end
  return later[as_of][sku] or 0
end

local function count(reason, key, sku, pieces, as_of)
  local raw = redis.call('HGET', KEYS[4], sku)
  local last = raw and cjson.decode(raw)
  if played(key, sku) or (last and last[1] == as_of and last[2] == pieces) then
    return 'already'
  end
  if last and as_of < last[1] then
    return 'older_count'
  end
  local wanted = pieces + moved_after(as_of, sku)
  if wanted < 0 then
    return 'below_zero'
  end
  book(key, 'count', '', as_of, reason, {{sku, wanted - level(sku)[1], 0, 0}}, nil, {{sku, as_of, pieces}})
  redis.call('HSET', KEYS[4], sku, cjson.encode({as_of, pieces, key}))
  play(key, sku)
  return available(sku) < 0 and 'counted_below_held' or 'done'
end

local answers = {}
for i, c in ipairs(batch[2]) do
  answers[i] = count(batch[1], c[1], c[2], c[3], c[4])
end
flush()
return answers
