-- learn takes one measured duration into an exponentially weighted mean and
-- variance of its logarithm. The first observations weigh alike, later ones 5 %.
--   KEYS[1] learned (hash: name → "<count> <mean> <variance>")
--   ARGV[1] name   ARGV[2] natural logarithm of the duration in seconds
-- Returns the new value.
local x = tonumber(ARGV[2])
local n, mean, variance = 0, 0, 0
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then
  local a, b, c = string.match(held, '^(%S+) (%S+) (%S+)$')
  n, mean, variance = tonumber(a), tonumber(b), tonumber(c)
end
n = n + 1
local weight = math.max(1 / n, 0.05)
local off = x - mean
mean = mean + weight * off
variance = (1 - weight) * (variance + weight * off * off)
local value = string.format('%d %.6f %.6f', n, mean, variance)
redis.call('HSET', KEYS[1], ARGV[1], value)
return value
