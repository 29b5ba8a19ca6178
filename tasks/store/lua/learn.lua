-- learn keeps the last measurements of each name.
--   KEYS[1] learned, rates or lengths (hash: name → "last:" and measurements separated by commas, the newest last)
--   ARGV[1] ms after which the hash is forgotten if nothing is added, '0' never
--   ARGV[2] how many measurements of a name are kept
--   ARGV[3 …] name, measurement; and so on
-- A value "<count> <mean> <variance>" is of an earlier version: mean of the natural logarithms. It
-- counts as one measurement. Returns how many measurements were taken in.
local known = {} -- name → its measurements

local function read(name)
  local held, all = redis.call('HGET', KEYS[1], name) or '', {}
  local last = string.match(held, '^last:(.*)$')
  for x in string.gmatch(last or '', '[^,]+') do all[#all + 1] = x end
  local mean = string.match(held, '^%d+ (%S+) %S+$')
  if mean and tonumber(mean) < 700 then all[1] = string.format('%.4g', math.exp(tonumber(mean))) end
  return all
end

for i = 3, #ARGV, 2 do
  local name = ARGV[i]
  known[name] = known[name] or read(name)
  table.insert(known[name], ARGV[i + 1])
end
-- One command: a script that fails between two would take in again what it has taken in.
local fields = {}
for name, all in pairs(known) do
  local first = math.max(1, #all - tonumber(ARGV[2]) + 1)
  fields[#fields + 1] = name
  fields[#fields + 1] = 'last:' .. table.concat(all, ',', first)
end
if #fields > 0 then redis.call('HSET', KEYS[1], unpack(fields)) end
if ARGV[1] ~= '0' then redis.pcall('PEXPIRE', KEYS[1], ARGV[1]) end
return (#ARGV - 2) / 2
