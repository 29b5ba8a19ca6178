-- recount corrects the counters of a shard that errors in scripts have let drift, from
-- the records of its open jobs, all of which are due at some time.
--   KEYS[1] due   KEYS[2] counters
--   ARGV[1] what the keys of records begin with   ARGV[2] how many jobs are looked at: if more are due, nothing is done
-- Counters of jobs some of whose writes are yet to be done again are left alone.
-- Returns {how many counters were corrected, how many jobs have such writes}, or
-- {-1, 0} when there are too many jobs.
if redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[2]) then return { -1, 0 } end
local want, undone = { ['now:scheduled'] = 0, ['now:queued'] = 0, ['now:running'] = 0 }, 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local state, tenant, counted, left = unpack(redis.call('HMGET', ARGV[1] .. id, 'state', 'tenant', 'counted', 'undone'))
  if left and left ~= '' then undone = undone + 1 end
  if state and want['now:' .. state] then want['now:' .. state] = want['now:' .. state] + 1 end
  if counted and tenant then want['waiting:' .. tenant] = (want['waiting:' .. tenant] or 0) + 1 end
end
if undone > 0 then return { 0, undone } end

local held, set, gone = {}, {}, {}
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do held[all[i]] = tonumber(all[i + 1]) end
for field, n in pairs(want) do
  if (held[field] or 0) ~= n then
    set[#set + 1] = field
    set[#set + 1] = string.format('%d', n)
  end
end
for field in pairs(held) do
  if string.sub(field, 1, 8) == 'waiting:' and not want[field] then gone[#gone + 1] = field end
end
if #set > 0 then redis.call('HSET', KEYS[2], unpack(set)) end
if #gone > 0 then redis.call('HDEL', KEYS[2], unpack(gone)) end
return { #set / 2 + #gone, 0 }
