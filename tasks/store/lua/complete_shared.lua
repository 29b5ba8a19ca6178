-- complete_shared ends a queued job with the result of an equal job.
--   ARGV[2] job ID whose result it is   ARGV[3] result (JSON)   ARGV[4] picodollars and ARGV[5] tokens that it cost
-- Returns {'ok'}, {'kept', state} when the job is not queued, or {'unknown'}.
take('state', 'attempt', 'seq', 'tenant', 'callback', 'place', 'counted', 'retention')
local state = read('state')[1]
if not state then return { 'unknown' } end
if state ~= 'queued' then return { 'kept', state } end
give('cache', ARGV[3], ARGV[2], ARGV[4], ARGV[5])
return commit({ 'ok' })
