-- append adds an event that changes no state (progress, delta) to the job's log.
--   ARGV[2] attempt   ARGV[3] event type   ARGV[4] data (JSON)
-- Returns {'ok', sequence number} or {'stale', state}.
local refusal = fenced(ARGV[2])
if refusal then return refusal end
return { 'ok', int(emit(ARGV[3], ARGV[2], ARGV[4])) }
