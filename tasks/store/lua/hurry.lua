-- hurry makes every job due that waits in one queue, so that the watchdogs look
-- at all of them at once.
--   KEYS[1] due   KEYS[2] waiting
--   ARGV[1] queue: "<lane>.<complexity>"
-- Returns how many there are.
local clock = redis.call('TIME')
local now = string.format('%d', tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000))
local places = redis.call('ZRANGEBYLEX', KEYS[2], '[' .. ARGV[1] .. ':', '(' .. ARGV[1] .. ';')
for _, place in ipairs(places) do
  redis.call('ZADD', KEYS[1], 'XX', now, string.match(place, '[^:]+$'))
end
return #places
