-- push keeps a version of an agent and makes it the current one.
--   KEYS[1] current (hash: ID → version; '#revision' → number of changes)
--   KEYS[2] folders of the agent (hash: version → JSON)   KEYS[3] its versions (list, newest first)
--   ARGV[1] ID   ARGV[2] version   ARGV[3] JSON   ARGV[4] how many versions are kept
-- Returns the revision. An error at any command leaves the version that was current
-- current, or the new one, complete; a repeat mends the rest.
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('LREM', KEYS[3], 0, ARGV[2])
redis.call('LPUSH', KEYS[3], ARGV[2])
local revision = redis.call('HINCRBY', KEYS[1], '#revision', 1)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
while redis.call('LLEN', KEYS[3]) > tonumber(ARGV[4]) do
  redis.call('HDEL', KEYS[2], redis.call('LINDEX', KEYS[3], -1))
  redis.call('RPOP', KEYS[3])
end
return revision
