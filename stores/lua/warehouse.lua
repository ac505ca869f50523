-- What every script about one warehouse begins with: its state, its counters, its journal. Text is put in front of theirs.
-- KEYS  1 meta  2 levels  3 reservations  4 counts  5 played  6 moved  7 journal  8-11 demand: orders, skus, journal, meta
-- ARGV  1 epoch  2 server (both as the caller knows them)  3 now, ms  4 run id  5 the batch, JSON  6 keys played of old, JSON
-- A script decides before it writes: what fails in its middle would leave half of it behind.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'server', 'seq', 'no')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then
  return 'stopped'
end
-- Positions of all warehouses are numbers of one line: a step of the counter, then the warehouse's own number.
local SPREAD = 4096
local seq, no = tonumber(meta[3]), tonumber(meta[4])
local now, run_id = tonumber(ARGV[3]), ARGV[4]
local batch = cjson.decode(ARGV[5])

local function position(step)
  return string.format('%.0f', step * SPREAD + no)
end

-- ---- counters: {on hand, held, defective}, read once, written once
local levels, touched = {}, {}

local function level(sku)
  local found = levels[sku]
  if not found then
    local raw = redis.call('HMGET', KEYS[2], 'o:' .. sku, 'h:' .. sku, 'd:' .. sku)
    found = {tonumber(raw[1] or 0), tonumber(raw[2] or 0), tonumber(raw[3] or 0)}
    levels[sku] = found
  end
  return found
end

local function available(sku)
  local l = level(sku)
  return l[1] - l[2]
end

-- ---- the journal: one entry per cause, with its lines {sku, on hand, held, defective}
-- rows: reservations as they are after it; counts: {sku, as of, pieces}; whoever folds it into SQL has nothing to work out
local function book(key, kind, ref, at, reason, lines, rows, counts)
  for i, line in ipairs(lines) do
    local l = level(line[1])
    l[1], l[2], l[3] = l[1] + line[2], l[2] + line[3], l[3] + line[4]
    touched[line[1]] = true
    if line[2] ~= 0 then
      redis.call('ZADD', KEYS[6], at, position(seq + i) .. '|' .. line[1] .. '|' .. line[2])
    end
  end
  seq = seq + #lines
  local entry = {k = key, t = kind, f = ref, a = at, y = reason, u = run_id, l = lines, v = rows, c = counts}
  redis.call('XADD', KEYS[7], position(seq) .. '-1', 'e', cjson.encode(entry))
end

local function flush()
  for sku in pairs(touched) do
    local l = levels[sku]
    redis.call('HSET', KEYS[2], 'o:' .. sku, l[1], 'h:' .. sku, l[2], 'd:' .. sku, l[3])
  end
  redis.call('HSET', KEYS[1], 'seq', string.format('%.0f', seq))
end

-- ---- what happens once per key and SKU
local old = nil

local function played(key, sku)
  local member = key .. '|' .. sku
  if not old then
    old = {}
    for _, found in ipairs(cjson.decode(ARGV[6])) do
      old[found] = true
    end
  end
  return old[member] or redis.call('ZSCORE', KEYS[5], member) ~= false
end

local function play(key, sku)
  redis.call('ZADD', KEYS[5], now, key .. '|' .. sku)
end
