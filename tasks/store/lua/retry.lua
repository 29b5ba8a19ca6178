-- retry starts a new run of a job that failed or was canceled, with the times it
-- was given at first, counted from now.
--   ARGV[2] tenant   ARGV[3] ms until the watchdog first looks at it   ARGV[4] token (fresh per call)
--   ARGV[5] jobs that the tenant may have waiting in this shard, 0 for any number
-- A repeat of the same call (its reply was lost) starts no other run.
-- Returns {'ok'}, {'quota'} when that many wait, {'unknown'} when the tenant has no such job, or
-- {'refused', state} when the job cannot be run again.
local r = redis.call('HMGET', job, 'state', 'tenant', 'target_in', 'deadline_in', 'spill_in')
local state, tenant = r[1], r[2]
if not state or tenant ~= ARGV[2] then return { 'unknown' } end
if repeated('retry', ARGV[4]) then return { 'ok' } end
if state ~= 'failed' and state ~= 'canceled' then return { 'refused', state } end
if full(tenant, ARGV[5]) then return { 'quota' } end

redis.call('HDEL', job, 'error', 'ended', 'expires', 'exhausted', 'started', 'crashes', 'run_at', 'follows')
remember('retry', ARGV[4])
redis.call('HSET', job, 'target', int(now + tonumber(r[3])), 'deadline', int(now + tonumber(r[4])),
  'spill', int(now + tonumber(r[5])))
for k = 1, 4 do redis.call('PERSIST', KEYS[k]) end
redis.call('ZREM', KEYS[9], id .. ' ' .. tenant)
enqueue(ARGV[3], '{"reason":"retry"}')
return { 'ok' }
