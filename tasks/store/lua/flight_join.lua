-- flight_join returns the result of an equal job, or makes a job the leader or a follower
-- of those that want it.
--   KEYS[1] cache (string)   KEYS[2] flight (string: ID of the job that gets the result for all)
--   KEYS[3] followers (list: IDs of the jobs that wait for it)
--   ARGV[1] job ID   ARGV[2] ms that a flight lasts at most   ARGV[3] how many followers are listed
-- Followers that are no longer listed poll for the result.
-- Returns {'hit', entry}, {'leads'} when this job is to get the result, or
-- {'follows', job ID} when that one does.
local hit = redis.call('GET', KEYS[1])
if hit then return { 'hit', hit } end
local leader = redis.call('GET', KEYS[2])
if not leader or leader == ARGV[1] then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
  return { 'leads' }
end
-- A repeat lists the job once; one that cannot expire is not listed at all.
redis.call('LREM', KEYS[3], 0, ARGV[1])
redis.call('RPUSH', KEYS[3], ARGV[1])
local expires = redis.pcall('PEXPIRE', KEYS[3], ARGV[2])
if type(expires) == 'table' then
  redis.pcall('LREM', KEYS[3], 0, ARGV[1])
  return expires
end
redis.pcall('LTRIM', KEYS[3], -tonumber(ARGV[3]), -1)
return { 'follows', leader }
