-- overdue takes one job whose due time has come and says what a watchdog must
-- do about it. It moves the due time on, so that of several watchdogs one acts.
--   ARGV[2] ms until the next look
-- Returns one of
--   {'fresh'} not due after all            {'expired'} queued past its deadline
--   {'idle'} queued, and its tickets may be lost, or its run-at time has come
--   {'lapsed'} its worker was lost; queued again
local score = redis.call('ZSCORE', due, id)
if not score or tonumber(score) > now then return { 'fresh' } end
local r = redis.call('HMGET', job, 'state', 'lease', 'deadline')
local state, lease, deadline = r[1], r[2], r[3]
if not state or not open[state] then
  redis.call('ZREM', due, id)
  return { 'fresh' }
end
if state == 'running' then
  if tonumber(lease) > now then
    redis.call('ZADD', due, lease, id)
    return { 'fresh' }
  end
  redis.call('HINCRBY', job, 'crashes', 1)
  cut('worker_lost')
  enqueue(tonumber(ARGV[2]), '{"reason":"lease_expired"}')
  return { 'lapsed' }
end
if state == 'scheduled' then
  enqueue(tonumber(ARGV[2]), '{"reason":"run_at"}')
  return { 'idle' }
end
redis.call('ZADD', due, int(now + tonumber(ARGV[2])), id)
if tonumber(deadline) <= now then return { 'expired' } end
return { 'idle' }
