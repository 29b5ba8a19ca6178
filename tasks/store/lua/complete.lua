-- complete ends a job with a result.
--   ARGV[2] attempt   ARGV[3] result (JSON)   ARGV[4] '1' if degraded, else '0'   ARGV[5] attempt records
--   ARGV[6 …] type and data (JSON) of events that come before the end
-- Returns {'ok', sequence number} or {'stale', state}.
take('state', 'attempt', 'settled', 'seq', 'attempts', 'tenant', 'callback', 'place', 'counted', 'retention')
local refusal = fenced(ARGV[2], 'complete')
if refusal then return refusal end
settle(ARGV[2], 'complete', ARGV[5])
log_all(ARGV[2], 6)
before({ 'SET', KEYS[4], ARGV[3] }, { 'DEL', KEYS[4] })
write('degraded', ARGV[4], 'answered_by', ARGV[4] == '1' and 'scorecard' or 'model')
if ARGV[4] == '1' then
  write('lane', 'scorecard')
  after('HINCRBY', counters, 'total:degraded', '1')
end
return commit({ 'ok', int(finish('succeeded', '{"degraded":' .. (ARGV[4] == '1' and 'true' or 'false') .. '}')) })
