-- create records a new job.
--   KEYS[6] input   KEYS[7] result
--   ARGV[2] tenant   ARGV[3] spec (JSON: what never changes)   ARGV[4] input (JSON)
--   ARGV[5] '1' if the job has a callback, else '0'
--   ARGV[6] ms to the target   ARGV[7] ms to the deadline   ARGV[8] ms to the spill time, '' for none
--   ARGV[9] ms the ended job is kept   ARGV[10] ms until the watchdog first looks at it
-- Returns {'ok', created}. A second call with the same ID changes nothing: the
-- reply to the first was lost, since IDs are never reused.
local created = redis.call('HGET', job, 'created')
if created then return { 'ok', created } end

local function at(ms) return int(now + tonumber(ms)) end
redis.call('HSET', job, 'tenant', ARGV[2], 'spec', ARGV[3], 'callback', ARGV[5], 'attempt', '0',
  'created', int(now), 'target', at(ARGV[6]), 'deadline', at(ARGV[7]), 'retention', ARGV[9])
if ARGV[8] ~= '' then redis.call('HSET', job, 'spill', at(ARGV[8])) end
redis.call('SET', KEYS[6], ARGV[4])
enqueue(tonumber(ARGV[10]), '{}')
return { 'ok', int(now) }
