-- create records a new job: queued, scheduled if it is not to run yet, or already
-- succeeded if its answer is known.
--   KEYS[1 … 9] as the prelude of the other job scripts has them
--   KEYS[10] the tenant's jobs (zset of IDs, all with score 0: IDs sort by time)
--   KEYS[11] bytes kept (hash: tenant → bytes)   KEYS[12] sizes (hash: job ID → bytes); see forget
--   KEYS[13] idempotency record, left out when the caller gave no key
--   ARGV[1] job ID   ARGV[2] tenant   ARGV[3] spec (JSON: what never changes)   ARGV[4] input (JSON)
--   ARGV[5] the events that the callback URL gets: '0' for nothing, '1' for the end, or event types
--   ARGV[6] lanes, comma-separated   ARGV[7] its line: complexity and priority
--   ARGV[8] run-at time, 0 for at once   ARGV[9] target   ARGV[10] deadline   ARGV[11] spill time
--   ARGV[12] ms the ended job is kept   ARGV[13] ms until the watchdog first looks at it
--   ARGV[14] fingerprint of the request   ARGV[15] ms the idempotency record is kept
--   ARGV[16] job ID that it waits for, '' for none
--   ARGV[17] who has answered: 'cache' or 'fast_path', '' if nobody yet; then ARGV[18] result (JSON),
--   ARGV[19] job ID whose result it is, ARGV[20] picodollars and ARGV[21] tokens that this spares
--   ARGV[22] jobs that the tenant may have waiting in this shard, 0 for any number
--   ARGV[23] jobs and ARGV[24] bytes that it may keep in this shard, 0 for any number
--   ARGV[25] bytes that are reserved for this job until it is forgotten   ARGV[26] agent
-- Returns {'quota'} when that many wait, {'jobs'} or {'bytes'} when that much is kept, {'ok', created, state}, {'replay', job ID} when the key has made a job of this
-- request before, or {'mismatch', job ID} when it was of another request. A
-- second call with the same ID changes nothing: the reply to the first was lost,
-- since IDs are never reused. Both then write what is there once more: a caller
-- that waits for the disk waits for what its own connection has written.
--
-- It has the prelude's order, without the prelude: a new job has no record to hold, no
-- log to go on with and nobody who watches it. What is written before the record is
-- removed again if the record cannot be written; what cannot be written after it stays in its field
-- undone.
local job, events, input, result, outbox, due, counters, waiting, ended =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local listed, kept, sizes, idempotency = KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local id, tenant, answered_by, most_bytes = ARGV[1], ARGV[2], ARGV[17], tonumber(ARGV[24])

local created = redis.call('HGET', job, 'created')
if created then
  redis.call('HSET', job, 'created', created)
  return { 'ok', created, redis.call('HGET', job, 'state') }
end
if idempotency then
  local held = redis.call('GET', idempotency)
  if held then
    redis.call('SET', idempotency, held, 'KEEPTTL')
    local other, print = string.match(held, '^(%S+) (%S+)$')
    return { print == ARGV[14] and 'replay' or 'mismatch', other }
  end
end
if answered_by == '' and ARGV[22] ~= '0' and tonumber(redis.call('HGET', counters, 'waiting:' .. tenant) or 0) >= tonumber(ARGV[22]) then
  return { 'quota' }
end
local jobs_kept = redis.call('ZCARD', listed)
local bytes_kept = (jobs_kept == 0 or most_bytes > 0) and tonumber(redis.call('HGET', kept, tenant) or 0) or 0
if ARGV[23] ~= '0' and jobs_kept >= tonumber(ARGV[23]) then return { 'jobs' } end
if most_bytes > 0 and jobs_kept > 0 and bytes_kept + tonumber(ARGV[25]) > most_bytes then return { 'bytes' } end

local function int(n) return string.format('%d', n) end
local clock = redis.call('TIME')
local time = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local now, forgotten = int(time), int(time + tonumber(ARGV[12]))

-- The record.
local state = 'queued'
local record = {
  'tenant', tenant, 'spec', ARGV[3], 'lanes', ARGV[6], 'complexity', ARGV[7], 'created', now, 'target', ARGV[9],
  'deadline', ARGV[10], 'spill', ARGV[11], 'retention', ARGV[12], 'seq', '1',
}
local function set(field, value)
  record[#record + 1] = field
  record[#record + 1] = value
end
if ARGV[5] ~= '0' then set('callback', ARGV[5]) end
if ARGV[16] ~= '' then set('follows', ARGV[16]) end
local look = math.min(time + tonumber(ARGV[13]), math.max(tonumber(ARGV[10]), time))
if tonumber(ARGV[11]) > time then look = math.min(look, tonumber(ARGV[11])) end
local place, mark, event
if answered_by ~= '' then
  state, look = 'succeeded', nil
  event = '{"degraded":false,"answered_by":"' .. answered_by .. '"}'
  set('degraded', '0')
  set('answered_by', answered_by)
  set('settled', '0:' .. answered_by)
  set('ended', now)
  set('expires', forgotten)
  if ARGV[19] ~= '' then
    set('answered_as', ARGV[19])
    set('saved', ARGV[20])
  end
elseif tonumber(ARGV[8]) > time then
  state, look, event = 'scheduled', tonumber(ARGV[8]), '{}'
  set('run_at', ARGV[8])
else
  local lane, since = ARGV[16] ~= '' and 'shared' or string.match(ARGV[6], '^[^,]+') or 'none', ':' .. now .. ':' .. id
  place, mark = lane .. '.' .. ARGV[7] .. since, lane .. '/' .. ARGV[26] .. since
  set('place', place)
end
set('state', state)
if state ~= 'succeeded' then set('counted', '1') end
if event then set('logged', '1') end

-- Before the record.
local function failed(reply) return type(reply) == 'table' and reply.err end
local function undo(reply)
  redis.pcall('DEL', job, input, result)
  redis.pcall('ZREM', listed, id)
  redis.pcall('HDEL', sizes, id)
  redis.pcall('ZREM', due, id)
  if idempotency then redis.pcall('DEL', idempotency) end
  return reply
end
local reply = redis.pcall('SET', input, ARGV[4])
if failed(reply) then return undo(reply) end
reply = redis.pcall('ZADD', listed, '0', id)
if failed(reply) then return undo(reply) end
-- A tenant without jobs keeps nothing: whatever was miscounted ends here.
if jobs_kept == 0 and bytes_kept ~= 0 then reply = redis.pcall('HDEL', kept, tenant) end
if failed(reply) then return undo(reply) end
reply = redis.pcall('HSET', sizes, id, ARGV[25])
if failed(reply) then return undo(reply) end
if idempotency then reply = redis.pcall('SET', idempotency, id .. ' ' .. ARGV[14], 'PX', ARGV[15]) end
if failed(reply) then return undo(reply) end
if answered_by ~= '' then reply = redis.pcall('SET', result, ARGV[18]) end
if failed(reply) then return undo(reply) end
if look then reply = redis.pcall('ZADD', due, int(look), id) end
if failed(reply) then return undo(reply) end
reply = redis.pcall('HSET', job, unpack(record))
if failed(reply) then return undo(reply) end

-- After the record.
local left, blocked = {}, {}
local function after(command, key, ...)
  local reply = not blocked[key] and redis.pcall(command, key, ...)
  if blocked[key] or failed(reply) then left[#left + 1], blocked[key] = { command, key, ... }, true end
end
after('HINCRBY', kept, tenant, ARGV[25])
after('HINCRBY', counters, 'total:' .. state, '1')
if state ~= 'succeeded' then
  after('HINCRBY', counters, 'now:' .. state, '1')
  after('HINCRBY', counters, 'waiting:' .. tenant, '1')
else
  after('HINCRBY', counters, 'total:' .. answered_by, '1')
  if ARGV[19] ~= '' then
    after('HINCRBY', counters, 'saved:picodollars', ARGV[20])
    after('HINCRBY', counters, 'saved:tokens', ARGV[21])
  end
end
if place then after('ZADD', waiting, '0', place, '0', mark) end
if event then after('RPUSH', events, '1 0 ' .. now .. ' job.' .. state .. ' ' .. event) end
after('XADD', outbox, '*', 'job', id, 'tenant', tenant, 'type', 'job.' .. state,
  'seq', '1', 'attempt', '0', 'at', now, 'callback', ARGV[5])
if state == 'succeeded' then
  for _, key in ipairs({ job, events, input, result }) do after('PEXPIREAT', key, forgotten) end
  after('ZADD', ended, forgotten, id .. ' ' .. tenant)
end
if #left > 0 then
  redis.pcall('HSET', job, 'undone', cjson.encode(left))
  if state == 'succeeded' then redis.pcall('ZADD', due, int(time + 1000), id) end
end
return { 'ok', now, state }
