-- retry starts a new run of a job that failed or was canceled, with the times it
-- was given at first, counted from now.
--   ARGV[2] tenant   ARGV[3] ms until the watchdog first looks at it   ARGV[4] token (fresh per call)
--   ARGV[5] jobs that the tenant may have waiting in this shard, 0 for any number
-- A repeat of the same call (its reply was lost) starts no other run.
-- Returns {'ok'}, {'quota'} when that many wait, {'unknown'} when the tenant has no such job, or
-- {'refused', state} when the job cannot be run again.
take('state', 'tenant', 'target_in', 'deadline_in', 'spill_in', 'created', 'run_at', 'target', 'deadline', 'spill', 'last_retry',
  'seq', 'attempt', 'callback', 'place', 'counted', 'lanes', 'complexity', 'spec', 'expires')
local state, tenant = unpack(read('state', 'tenant'))
if not state or tenant ~= ARGV[2] then return { 'unknown' } end
if repeated('retry', ARGV[4]) then return { 'ok' } end
if state ~= 'failed' and state ~= 'canceled' then return { 'refused', state } end
local quota = tonumber(ARGV[5])
if quota > 0 and tonumber(redis.call('HGET', counters, 'waiting:' .. tenant) or 0) >= quota then return { 'quota' } end

local expires = read('expires')[1]
-- How long after its start each time comes is kept from the first retry on.
local start = math.max(tonumber(read('run_at')[1] or 0), tonumber(read('created')[1]))
for _, time in ipairs({ 'target', 'deadline', 'spill' }) do
  local later, at = unpack(read(time .. '_in', time))
  if not later then
    later = int(math.max(0, tonumber(at) - start))
    write(time .. '_in', later)
  end
  write(time, int(now + tonumber(later)))
end
erase('error', 'ended', 'expires', 'exhausted', 'started', 'crashes', 'run_at', 'follows')
remember('retry', ARGV[4])
for k = 1, 4 do before({ 'PERSIST', KEYS[k] }, { 'PEXPIREAT', KEYS[k], expires }) end
after('ZREM', KEYS[9], id .. ' ' .. tenant)
enqueue(ARGV[3], '{"reason":"retry"}')
return commit({ 'ok' })
