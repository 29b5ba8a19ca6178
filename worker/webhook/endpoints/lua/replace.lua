-- replace makes or changes an endpoint, if it is as its reader saw it.
--   KEYS[1] the tenant's endpoints (hash: endpoint ID → record)
--   ARGV[1] endpoint ID   ARGV[2] record as it was read, '' for one that is new
--   ARGV[3] record as it shall be   ARGV[4] how many a tenant may have
-- Returns 'ok', 'changed' when another was faster, or 'full'.
local held = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if held ~= ARGV[2] and held ~= ARGV[3] then return 'changed' end
if held == '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 'ok'
