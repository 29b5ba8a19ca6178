-- create records a new job: queued, scheduled if it is not to run yet, or already
-- succeeded if its answer is known.
--   KEYS[10] the tenant's jobs (zset of IDs, all with score 0: IDs sort by time)
--   KEYS[11] bytes kept (hash: tenant → bytes)   KEYS[12] sizes (hash: job ID → bytes); see forget
--   KEYS[13] idempotency record, left out when the caller gave no key
--   ARGV[2] tenant   ARGV[3] spec (JSON: what never changes)   ARGV[4] input (JSON)
--   ARGV[5] the events that the callback URL gets: '0' for nothing, '1' for the end, or event types
--   ARGV[6] lanes, comma-separated   ARGV[7] its line: complexity and priority
--   ARGV[8] run-at time, 0 for at once   ARGV[9] target   ARGV[10] deadline   ARGV[11] spill time
--   ARGV[12] ms the ended job is kept   ARGV[13] ms until the watchdog first looks at it
--   ARGV[14] fingerprint of the request   ARGV[15] ms the idempotency record is kept
--   ARGV[16] job ID that it waits for, '' for none
--   ARGV[17] who has answered, '' if nobody yet; then ARGV[18] result (JSON), ARGV[19] job ID whose
--   result it is, ARGV[20] picodollars and ARGV[21] tokens that this spares, as for give
--   ARGV[22] jobs that the tenant may have waiting in this shard, 0 for any number
--   ARGV[23] jobs and ARGV[24] bytes that it may keep in this shard, 0 for any number
--   ARGV[25] bytes that are reserved for this job until it is forgotten
-- Returns {'quota'} when that many wait, {'jobs'} or {'bytes'} when that much is kept, {'ok', created, state}, {'replay', job ID} when the key has made a job of this
-- request before, or {'mismatch', job ID} when it was of another request. A
-- second call with the same ID changes nothing: the reply to the first was lost,
-- since IDs are never reused. Both then write what is there once more: a caller
-- that waits for the disk waits for what its own connection has written.
local created = redis.call('HGET', job, 'created')
if created then
  redis.call('HSET', job, 'created', created)
  return { 'ok', created, redis.call('HGET', job, 'state') }
end
if KEYS[13] then
  local held = redis.call('GET', KEYS[13])
  if held then
    redis.call('SET', KEYS[13], held, 'KEEPTTL')
    local other, print = string.match(held, '^(%S+) (%S+)$')
    return { print == ARGV[14] and 'replay' or 'mismatch', other }
  end
end
if ARGV[17] == '' and full(ARGV[2], ARGV[22]) then return { 'quota' } end
local jobs_kept = redis.call('ZCARD', KEYS[10])
local bytes_kept = tonumber(redis.call('HGET', KEYS[11], ARGV[2]) or 0)
if tonumber(ARGV[23]) > 0 and jobs_kept >= tonumber(ARGV[23]) then return { 'jobs' } end
if tonumber(ARGV[24]) > 0 and jobs_kept > 0 and bytes_kept + tonumber(ARGV[25]) > tonumber(ARGV[24]) then return { 'bytes' } end

local run_at = tonumber(ARGV[8])
local start = math.max(run_at, now)
local function from_start(at) return int(math.max(0, tonumber(at) - start)) end
make({
  tenant = ARGV[2], spec = ARGV[3], callback = ARGV[5], lanes = ARGV[6], complexity = ARGV[7], attempt = '0', created = int(now),
  target = ARGV[9], deadline = ARGV[10], spill = ARGV[11], target_in = from_start(ARGV[9]),
  deadline_in = from_start(ARGV[10]), spill_in = from_start(ARGV[11]), retention = ARGV[12],
})
if ARGV[16] ~= '' then write('follows', ARGV[16]) end
before({ 'SET', KEYS[3], ARGV[4] }, { 'DEL', KEYS[3] })
before({ 'ZADD', KEYS[10], '0', id }, { 'ZREM', KEYS[10], id })
-- A tenant without jobs keeps nothing: whatever was miscounted ends here.
if jobs_kept == 0 and bytes_kept ~= 0 then before({ 'HDEL', KEYS[11], ARGV[2] }) end
before({ 'HSET', KEYS[12], id, ARGV[25] }, { 'HDEL', KEYS[12], id })
after('HINCRBY', KEYS[11], ARGV[2], ARGV[25])
if KEYS[13] then before({ 'SET', KEYS[13], id .. ' ' .. ARGV[14], 'PX', ARGV[15] }, { 'DEL', KEYS[13] }) end
local state = 'queued'
if ARGV[17] ~= '' then
  give(ARGV[17], ARGV[18], ARGV[19], ARGV[20], ARGV[21])
  state = 'succeeded'
elseif run_at > now then
  write('run_at', ARGV[8])
  enter('scheduled', '{}')
  due_at(tonumber(ARGV[8]))
  state = 'scheduled'
else
  enqueue(ARGV[13], '{}')
end
return commit({ 'ok', int(now), state })
