-- switch makes a kept version of an agent the current one, or none.
--   KEYS[1] current (hash: ID → version; '#revision' → number of changes)
--   KEYS[2] folders of the agent (hash: version → JSON)
--   ARGV[1] ID   ARGV[2] version, '' for none
-- Returns the revision, or 0 when there is no such version or agent. The revision
-- comes before the change: one that no process hears of could not be repeated.
local key, field = KEYS[2], ARGV[2]
if field == '' then key, field = KEYS[1], ARGV[1] end
if redis.call('HEXISTS', key, field) == 0 then return 0 end

local revision = redis.call('HINCRBY', KEYS[1], '#revision', 1)
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return revision
