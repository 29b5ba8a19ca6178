-- append adds an event that changes no state (progress, delta) to the job's log.
--   ARGV[2] attempt   ARGV[3] event type   ARGV[4] data (JSON)
--   ARGV[5] number of the call: it grows from call to call of an attempt
-- A call that comes again (its reply was lost), or after a later one for an event
-- of its type, adds nothing.
-- Returns {'ok', sequence number} or {'stale', state}.
local refusal = fenced(ARGV[2])
if refusal then return refusal end
local last = 'last_' .. ARGV[3]
local r = redis.call('HMGET', job, last, 'seq')
local attempt, call = string.match(r[1] or '', '^(%d+):(%d+)$')
if attempt == ARGV[2] and tonumber(call) >= tonumber(ARGV[5]) then return { 'ok', r[2] } end
redis.call('HSET', job, last, ARGV[2] .. ':' .. ARGV[5])
return { 'ok', int(emit(ARGV[3], ARGV[2], ARGV[4])) }
