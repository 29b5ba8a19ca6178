-- renew extends the lease of a running attempt.
--   ARGV[2] attempt   ARGV[3] lease in ms
-- Returns {'ok', lease ends} or {'stale', state}.
local refusal = fenced(ARGV[2])
if refusal then return refusal end
local ends = int(now + tonumber(ARGV[3]))
redis.call('HSET', job, 'lease', ends)
redis.call('ZADD', due, ends, id)
return { 'ok', ends }
