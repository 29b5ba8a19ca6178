-- renew extends the lease of a running attempt.
--   ARGV[2] attempt   ARGV[3] lease in ms
-- Returns {'ok', lease ends} or {'stale', state}.
take('state', 'attempt', 'settled', 'seq')
local refusal = fenced(ARGV[2])
if refusal then return refusal end
local ends = int(now + tonumber(ARGV[3]))
write('lease', ends)
due_at(ends)
return commit({ 'ok', ends })
