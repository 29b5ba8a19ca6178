-- append adds events that change no state (progress, delta) to the job's log.
--   ARGV[2] attempt   ARGV[3] number of the call: it grows from call to call of an attempt
--   ARGV[4 …] type and data (JSON) of each event
-- A call that comes again (its reply was lost), or after a later one, adds nothing.
-- Returns {'ok', last sequence number} or {'stale', state}.
take('state', 'attempt', 'settled', 'seq', 'last_append')
local refusal = fenced(ARGV[2])
if refusal then return refusal end
local r = read('last_append', 'seq')
local attempt, call = string.match(r[1] or '', '^(%d+):(%d+)$')
if attempt == ARGV[2] and tonumber(call) >= tonumber(ARGV[3]) then return { 'ok', r[2] } end
write('last_append', ARGV[2] .. ':' .. ARGV[3])
local seq = log_all(ARGV[2], 4)
wake(events, ARGV[#ARGV - 1])
return commit({ 'ok', int(seq) })
