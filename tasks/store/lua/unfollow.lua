-- unfollow ends a queued job's waiting for an equal job, or has it wait for another.
--   ARGV[2] job ID that it waits for now   ARGV[3] job ID that it is to wait for, '' to run by itself
-- Returns {'ok'}, also when the job does not wait for that one any more.
take('state', 'follows', 'place', 'mark', 'complexity', 'lanes', 'exhausted', 'spec')
local state, follows, place = unpack(read('state', 'follows', 'place'))
if state ~= 'queued' or follows ~= ARGV[2] then return { 'ok' } end
if ARGV[3] ~= '' then
  write('follows', ARGV[3])
  return commit({ 'ok' })
end
erase('follows')
if place then
  local own = place_since(string.match(place, ':(%d+):'))
  after('ZREM', waiting, place, mark_of(place))
  after('ZADD', waiting, '0', own, '0', mark_of(own))
  write('place', own)
  erase('mark') -- a version before this one wrote it
end
return commit({ 'ok' })
