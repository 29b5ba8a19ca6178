-- overdue takes one job whose due time has come and says what a watchdog must
-- do about it. It moves the due time on, so that of several watchdogs one acts:
-- a little if the watchdog's own death would leave the job alone, else further.
--   ARGV[2] token (fresh per call)   ARGV[3] ms until the next look at a job that has tickets
--   ARGV[4] ms until the next look at a job that is to get them, or to end
--   ARGV[5] '1' if a worker whose lease is over may be declared lost; '0' if it may
--           only have had no chance to renew, because Redis was away
-- A repeat of the same call (its reply was lost) gets the same answer. Returns one of
--   {'fresh'} not due after all            {'expired'} queued past its deadline
--   {'idle'} queued, and its tickets may be lost, or its run-at time has come
--   {'lapsed'} its worker was lost; queued again
take('state', 'lease', 'deadline', 'spill', 'last_look')
if repeated('look', ARGV[2]) then return { read('found')[1] } end
local score = redis.call('ZSCORE', due, id)
due_was = score
local state, lease, deadline = unpack(read('state', 'lease', 'deadline'))
if score and not open[state] then
  if problem then
    redis.call('ZADD', due, int(now + tonumber(ARGV[3])), id)
  else
    redis.call('ZREM', due, id)
  end
end
if not score or tonumber(score) > now or not open[state] then return { 'fresh' } end
if state == 'running' and tonumber(lease) > now then
  redis.call('ZADD', due, lease, id)
  return { 'fresh' }
end

if state == 'running' and ARGV[5] == '0' then
  redis.call('ZADD', due, int(now + 1000), id)
  return { 'fresh' }
end

local found = 'idle'
if state == 'running' then
  found = 'lapsed'
  write('crashes', int(tonumber(read('crashes')[1] or 0) + 1))
  cut('worker_lost')
  enqueue(ARGV[4], '{"reason":"lease_expired"}')
elseif state == 'scheduled' then
  enqueue(ARGV[4], '{"reason":"run_at"}')
elseif tonumber(deadline) <= now then
  found = 'expired'
  due_at(now + tonumber(ARGV[4]))
else
  look(tonumber(ARGV[3]))
end
remember('look', ARGV[2])
write('found', found)
return commit({ found })
