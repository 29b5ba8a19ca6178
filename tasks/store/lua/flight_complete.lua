-- flight_complete ends a flight: with a result, which is kept for later jobs, or without.
--   KEYS as for flight_join   ARGV[1] job ID   ARGV[2] entry for the cache, '' for none   ARGV[3] ms it is kept
--   ARGV[4] ms that followers stay listed afterwards
-- Without a result a flight that another job leads goes on. Returns the IDs of those that wait,
-- also to a repeat of the same call (its reply was lost).
-- The result is kept before the flight ends, so that a job that comes between an error and
-- the repeat finds it.
local waiting = redis.call('LRANGE', KEYS[3], 0, -1)
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[4])
end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return waiting
