-- rate takes up to a number of requests from a caller's rate, by the generic cell rate algorithm: requests
-- drain evenly, and a caller that was quiet may make a burst of them at once.
--   KEYS[1] the caller's bucket (string: the time in µs at which all its requests have drained)
--   ARGV[1] µs that one request takes to drain   ARGV[2] burst: requests allowed at once
--   ARGV[3] requests asked for
-- Returns {requests granted, requests left in the burst, µs until the whole burst is free again}, or
-- {0, µs until the next request is allowed, µs until the whole burst is free again}.
-- All times are of this server's clock.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local each, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local drained = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)

local granted = math.min(tonumber(ARGV[3]), math.floor((now + each * burst - drained) / each))
if granted < 1 then return { 0, drained + each - now - each * burst, drained - now } end
local after = drained + each * granted
redis.call('SET', KEYS[1], string.format('%d', after), 'PX', math.ceil((after - now) / 1000))
return { granted, math.floor((now + each * burst - after) / each), after - now }
