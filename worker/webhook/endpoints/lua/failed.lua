-- failed notes that a try at an endpoint has failed.
--   KEYS[1] the tenant's endpoints (hash: endpoint ID → record)
--   KEYS[2] failing (hash: endpoint ID → Unix ms of the first failure in a row)
--   ARGV[1] endpoint ID   ARGV[2] Unix ms of the try
-- Returns the time of the first failure in a row. Of an endpoint that was removed
-- meanwhile nothing is kept: it would stay for ever.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return ARGV[2] end
redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[2], ARGV[1])
