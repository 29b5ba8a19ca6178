-- beat notes that a worker is alive, and forgets those that are not.
--   KEYS[1] workers (hash: worker ID → "<seen> <JSON>")
--   ARGV[1] worker ID   ARGV[2] JSON, '' only to look   ARGV[3] ms a worker lives without a beat
-- Returns the live workers as a flat list of "<seen> <JSON>".
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', now) .. ' ' .. ARGV[2])
end
local live = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local seen = tonumber(string.match(all[i + 1], '^%d+'))
  if seen and seen + tonumber(ARGV[3]) >= now then
    live[#live + 1] = all[i + 1]
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return live
