-- unfollow ends a queued job's waiting for an equal job, or has it wait for another.
--   ARGV[2] job ID that it waits for now   ARGV[3] job ID that it is to wait for, '' to run by itself
-- Returns {'ok'}, also when the job does not wait for that one any more.
take('state', 'follows', 'place', 'complexity', 'lanes', 'exhausted')
local state, follows, place, complexity = unpack(read('state', 'follows', 'place', 'complexity'))
if state ~= 'queued' or follows ~= ARGV[2] then return { 'ok' } end
if ARGV[3] ~= '' then
  write('follows', ARGV[3])
  return commit({ 'ok' })
end
erase('follows')
if place then
  local own = lane() .. '.' .. complexity .. string.match(place, ':.*$')
  after('ZREM', waiting, place)
  after('ZADD', waiting, '0', own)
  write('place', own)
end
return commit({ 'ok' })
