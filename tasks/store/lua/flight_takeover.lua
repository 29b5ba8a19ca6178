-- flight_takeover makes a follower the leader in place of one that no longer gets the
-- result, unless there is a result by now.
--   KEYS[1] cache, KEYS[2] flight (see flight_join)
--   ARGV[1] job ID   ARGV[2] the job that it followed   ARGV[3] ms that a flight lasts at most
-- Returns {'hit', entry}, {'leads'}, or {'follows', job ID} when another one was first.
local hit = redis.call('GET', KEYS[1])
if hit then return { 'hit', hit } end
local leader = redis.call('GET', KEYS[2])
if leader and leader ~= ARGV[1] and leader ~= ARGV[2] then return { 'follows', leader } end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
return { 'leads' }
