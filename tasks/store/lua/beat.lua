-- beat notes that a worker is alive, and forgets those that are not.
--   KEYS[1] workers (hash: worker ID → "<seen> <JSON>"; '#last' → time of the last beat of
--           anyone; '#gap' → "<from> <to>" of the last time that nobody could beat; '#swept' → when
--           those that are gone were last removed)
--   ARGV[1] worker ID   ARGV[2] JSON, '' only to look   ARGV[3] ms a worker lives without a beat
-- Returns the live workers as a flat list of "<seen> <JSON>", and nothing to one that beats:
-- among many workers, who all beat, only some beats look at the others. When nobody has beaten for
-- more than half of a worker's time, Redis was away rather than all workers: until
-- each has had the time to beat again, those that lived before the gap still count.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local lives = tonumber(ARGV[3])
local function int(n) return string.format('%d', n) end

if ARGV[2] ~= '' then
  local last = tonumber(redis.call('HGET', KEYS[1], '#last') or now)
  if now - last > lives / 2 then redis.call('HSET', KEYS[1], '#gap', int(last) .. ' ' .. int(now)) end
  redis.call('HSET', KEYS[1], ARGV[1], int(now) .. ' ' .. ARGV[2], '#last', int(now))
end
if ARGV[2] ~= '' then
  local swept = tonumber(redis.call('HGET', KEYS[1], '#swept') or 0)
  if swept <= now and now < swept + lives / 2 then return {} end
  redis.call('HSET', KEYS[1], '#swept', int(now))
end
local oldest = now - lives
local from, to = string.match(redis.call('HGET', KEYS[1], '#gap') or '', '^(%d+) (%d+)$')
if from and now < tonumber(to) + lives then oldest = math.min(oldest, tonumber(from) - lives) end

local live = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 1) ~= '#' then
    local seen = tonumber(string.match(all[i + 1], '^%d+'))
    if seen and seen >= oldest then
      if ARGV[2] == '' then live[#live + 1] = all[i + 1] end
    elseif ARGV[2] ~= '' then
      redis.pcall('HDEL', KEYS[1], all[i])
    end
  end
end
return live
