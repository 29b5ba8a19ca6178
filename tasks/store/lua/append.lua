-- append adds events that change no state (progress, delta) to the job's log.
--   ARGV[2] attempt   ARGV[3] number of the call: it grows from call to call of an attempt
--   ARGV[4 …] type and data (JSON) of each event
-- A call that comes again (its reply was lost), or after a later one, adds nothing.
-- Returns {'ok', last sequence number} or {'stale', state}.
local refusal = fenced(ARGV[2])
if refusal then return refusal end
local r = redis.call('HMGET', job, 'last_append', 'seq')
local attempt, call = string.match(r[1] or '', '^(%d+):(%d+)$')
if attempt == ARGV[2] and tonumber(call) >= tonumber(ARGV[3]) then return { 'ok', r[2] } end
redis.call('HSET', job, 'last_append', ARGV[2] .. ':' .. ARGV[3])
local seq = tell(ARGV[2], 4)
redis.call('PUBLISH', events, ARGV[#ARGV - 1])
return { 'ok', int(seq) }
