-- switch makes a kept version of an agent the current one, or none.
--   KEYS[1] current (hash: ID → version; '#revision' → number of changes)
--   KEYS[2] folders of the agent (hash: version → JSON)
--   ARGV[1] ID   ARGV[2] version, '' for none
-- Returns the revision, or 0 when there is no such version or agent.
if ARGV[2] == '' then
  if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
else
  if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return redis.call('HINCRBY', KEYS[1], '#revision', 1)
