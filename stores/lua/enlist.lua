-- A warehouse that has no journal behind it in SQL gets its number and its first epoch. KEYS 1 registry  2 its meta.
-- ARGV 1 its name  2 server. Returns {epoch, server}.
local no = redis.call('HGET', KEYS[1], ARGV[1])
if not no then
  no = redis.call('HLEN', KEYS[1])
  redis.call('HSET', KEYS[1], ARGV[1], no)
end
if redis.call('EXISTS', KEYS[2]) == 0 or not redis.call('HGET', KEYS[2], 'epoch') then
  redis.call('HSET', KEYS[2], 'epoch', '1', 'server', ARGV[2], 'no', no)
  redis.call('HSETNX', KEYS[2], 'seq', '0')
end
return redis.call('HMGET', KEYS[2], 'epoch', 'server')
