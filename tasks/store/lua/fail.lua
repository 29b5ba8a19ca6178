-- fail ends a job with an error.
--   ARGV[2] attempt   ARGV[3] error (JSON)   ARGV[4] attempt records
--   ARGV[5 …] type and data (JSON) of events that come before the end
-- Returns {'ok', sequence number} or {'stale', state}.
take('state', 'attempt', 'settled', 'seq', 'attempts', 'tenant', 'callback', 'place', 'counted', 'retention')
local refusal = fenced(ARGV[2], 'fail')
if refusal then return refusal end
settle(ARGV[2], 'fail', ARGV[4])
log_all(ARGV[2], 5)
write('error', ARGV[3])
return commit({ 'ok', int(finish('failed', ARGV[3])) })
