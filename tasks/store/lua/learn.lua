-- learn takes measurements into exponentially weighted means and variances of
-- their logarithms. The first observations weigh alike, later ones 5 %.
--   KEYS[1] learned, rates or lengths (hash: name → "<count> <mean> <variance>")
--   ARGV[1] ms after which the hash is forgotten if nothing is added, '0' never
--   ARGV[2] '1': one that is far off what is known (a machine that slept, a server that miscounts)
--   counts as no further off than three deviations: it moves what is known only if it is not alone
--   ARGV[3 …] name, natural logarithm of the measurement; and so on
-- Returns how many measurements were taken in.
local known = {} -- what the names stand for now

local function read(name)
  local n, mean, variance
  local held = redis.call('HGET', KEYS[1], name)
  if held then n, mean, variance = string.match(held, '^(%S+) (%S+) (%S+)$') end
  return { n = tonumber(n or 0), mean = tonumber(mean or 0), variance = tonumber(variance or 0) }
end

for i = 3, #ARGV, 2 do
  local name, x = ARGV[i], tonumber(ARGV[i + 1])
  local k = known[name] or read(name)
  known[name] = k
  k.n = k.n + 1
  local off = x - k.mean
  if ARGV[2] == '1' and k.n > 5 then
    local most = 3 * math.max(math.sqrt(k.variance), 0.1)
    off = math.max(-most, math.min(most, off))
  end
  local weight = math.max(1 / k.n, 0.05)
  k.mean = k.mean + weight * off
  k.variance = (1 - weight) * (k.variance + weight * off * off)
end
for name, k in pairs(known) do
  redis.call('HSET', KEYS[1], name, string.format('%d %.6f %.6f', k.n, k.mean, k.variance))
end
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return (#ARGV - 2) / 2
