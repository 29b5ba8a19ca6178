-- rates takes measurements into exponentially weighted means and variances of their
-- logarithms, as learn.lua does, but one that is far off what is known (a machine that
-- slept, a server that miscounts) counts as no further off than three deviations: it
-- moves what is known only if it is not alone.
--   KEYS[1] rates or lengths (hash: name → "<count> <mean> <variance>")
--   ARGV[1] ms after which the hash is forgotten if nothing is added, '0' never
--   ARGV[2 …] name, natural logarithm of the measurement; and so on
-- Returns how many measurements were taken in.
for i = 2, #ARGV, 2 do
  local x = tonumber(ARGV[i + 1])
  local n, mean, variance = 0, x, 0
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  if held then
    local a, b, c = string.match(held, '^(%S+) (%S+) (%S+)$')
    n, mean, variance = tonumber(a), tonumber(b), tonumber(c)
  end
  n = n + 1
  local off = x - mean
  if n > 5 then
    local most = 3 * math.max(math.sqrt(variance), 0.1)
    off = math.max(-most, math.min(most, off))
  end
  local weight = math.max(1 / n, 0.05)
  mean = mean + weight * off
  variance = (1 - weight) * (variance + weight * off * off)
  redis.call('HSET', KEYS[1], ARGV[i], string.format('%d %.6f %.6f', n, mean, variance))
end
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return (#ARGV - 1) / 2
