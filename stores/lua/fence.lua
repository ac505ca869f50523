-- The counters of one warehouse as they are at a step of the journal that no later entry can lie before.
-- KEYS 1 meta  2 levels  7 journal. ARGV 1 epoch  2 server  3 the step  4 '' when only the fence is wanted. Returns {field, value, ...} as HGETALL does, without later entries.
local meta = redis.call('HMGET', KEYS[1], 'seq', 'no', 'epoch', 'server')
-- what has lost its end must not look as if it had gone on
if meta[3] ~= ARGV[1] or meta[4] ~= ARGV[2] then
  return 'stopped'
end
local step = tonumber(ARGV[3])
if tonumber(meta[1]) < step then
  redis.call('HSET', KEYS[1], 'seq', ARGV[3])
end
if ARGV[4] == '' then
  return {}
end
local found = redis.call('HGETALL', KEYS[2])
local after = string.format('%.0f', step * 4096 + tonumber(meta[2]))
local entries = tonumber(meta[1]) > step and redis.call('XRANGE', KEYS[7], '(' .. after .. '-1', '+') or {}
if #entries == 0 then
  return found
end
local place = {}
for i = 1, #found, 2 do
  place[found[i]] = i + 1
end
for _, entry in ipairs(entries) do
  local lines = cjson.decode(entry[2][2]).l
  local last = (tonumber(string.match(entry[1], '^%d+')) - tonumber(meta[2])) / 4096
  for n, line in ipairs(lines) do
    -- an entry of several lines may lie on both sides
    if last - #lines + n > step then
      for i, name in ipairs({'o:', 'h:', 'd:'}) do
        local at = place[name .. line[1]]
        found[at] = string.format('%.0f', tonumber(found[at]) - line[i + 1])
      end
    end
  end
end
return found
