-- leave gives back what a call no longer needs, and learns from how it ended. A
-- call that comes again (its reply was lost), or whose lease is over, changes nothing.
--   ARGV[7] '1' if the call was made, '0' if not   ARGV[8] tokens it used, '' if not known
--   ARGV[9] '1' if the provider said that its limits were reached, else '0'
--   ARGV[10] ms of the pause that it asked for
-- Returns nothing.
local ends = redis.call('ZSCORE', calls, id)
if not ends then return end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', ms(now))
local together = redis.call('ZCARD', calls)
redis.call('ZREM', calls, id)

if requests and ARGV[7] == '0' then due.requests = due.requests - spacing(requests) end
if tokens and ARGV[8] ~= '' then
  due.tokens = due.tokens + (tonumber(ARGV[8]) - tonumber(ARGV[6])) * 60000 / tokens
end
keep('requests', ms(due.requests), 'tokens', ms(due.tokens))
if ARGV[9] == '0' then return end

keep('closed', ms(math.max(closed, now + tonumber(ARGV[10]))))
-- Calls admitted before the last cut show nothing about the limits after it.
if tonumber(ends) - lease <= cut then return end
if most_calls > 0 then together = math.min(together, most_calls) end
keep('cut', ms(now), 'cut_calls', math.max(1, math.floor(together / 2)), 'cut_rate', ms(math.max(rate / 2, 0.01)))
