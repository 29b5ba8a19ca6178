-- hurry makes jobs due that wait in one queue, so that the watchdogs look at them
-- at once: a batch of them per call, since nobody else is served meanwhile.
--   KEYS[1] due   KEYS[2] waiting
--   ARGV[1] queue: "<lane>.<line>"   ARGV[2] the last place of the batch before, '' at first   ARGV[3] size of a batch
--   ARGV[4] for how many ms they are to have been due
-- Returns {how many there are, last place}. A batch that is not full is the last.
local clock = redis.call('TIME')
-- As if they had been due for a while: what falls due now is not to wait for them.
local since = string.format('%d', tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000) - tonumber(ARGV[4]))
local from = ARGV[2] == '' and '[' .. ARGV[1] .. ':' or '(' .. ARGV[2]
local places = redis.call('ZRANGEBYLEX', KEYS[2], from, '(' .. ARGV[1] .. ';', 'LIMIT', 0, ARGV[3])
for _, place in ipairs(places) do
  redis.call('ZADD', KEYS[1], 'XX', since, string.match(place, '[^:]+$'))
end
return { #places, places[#places] or '' }
