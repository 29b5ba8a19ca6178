-- complete_shared ends a queued job with the result of an equal job.
--   ARGV[2] job ID whose result it is   ARGV[3] result (JSON)   ARGV[4] picodollars and ARGV[5] tokens that it cost
-- Returns {'ok'}, {'kept', state} when the job is not queued, or {'unknown'}.
take('state', 'attempt', 'seq', 'tenant', 'callback', 'place', 'spec', 'counted', 'retention')
local state = read('state')[1]
if not state then return { 'unknown' } end
if state ~= 'queued' then return { 'kept', state } end
before({ 'SET', KEYS[4], ARGV[3] }, { 'DEL', KEYS[4] })
write('degraded', '0', 'answered_by', 'cache', 'settled', (read('attempt')[1] or '0') .. ':cache', 'answered_as', ARGV[2], 'saved', ARGV[4])
erase('follows')
after('HINCRBY', counters, 'total:cache', '1')
after('HINCRBY', counters, 'saved:picodollars', ARGV[4])
after('HINCRBY', counters, 'saved:tokens', ARGV[5])
finish('succeeded', '{"degraded":false,"answered_by":"cache"}')
return commit({ 'ok' })
