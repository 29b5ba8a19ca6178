-- unfollow ends a queued job's waiting for an equal job, or has it wait for another.
--   ARGV[2] job ID that it waits for now   ARGV[3] job ID that it is to wait for, '' to run by itself
-- Returns {'ok'}, also when the job does not wait for that one any more.
local r = redis.call('HMGET', job, 'state', 'follows', 'place', 'complexity')
local state, follows, place, complexity = r[1], r[2], r[3], r[4]
if state ~= 'queued' or follows ~= ARGV[2] then return { 'ok' } end
if ARGV[3] ~= '' then
  redis.call('HSET', job, 'follows', ARGV[3])
  return { 'ok' }
end
redis.call('HDEL', job, 'follows')
if place then
  local own = lane() .. '.' .. complexity .. string.match(place, ':.*$')
  redis.call('ZREM', waiting, place)
  redis.call('ZADD', waiting, '0', own)
  redis.call('HSET', job, 'place', own)
end
return { 'ok' }
