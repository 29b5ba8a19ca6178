-- recount compares the counters of a shard with its jobs, and corrects those that differ.
--   KEYS[1] due   KEYS[2] counters   KEYS[3] bytes kept (hash: tenant → bytes)   KEYS[4] sizes (hash: job ID → bytes)
--   ARGV[1] what the keys of the shard's jobs begin with   ARGV[2] what the keys of the tenants' lists begin with
--   ARGV[3] how many jobs are read at most; Redis serves nobody else meanwhile
-- Every open job is in due, and every ended one whose commands are still undone. While
-- there is one of these nothing is corrected: what it has to count is not counted yet.
-- Where there are more jobs than are read their counters stay as they are: of a tenant
-- that has more than are left to read, its bytes. A tenant whose counter of bytes is
-- missing is found while it has an open job.
-- Returns the number of jobs with undone commands, then for each corrected counter
-- its name and by how much it differed.
local most = tonumber(ARGV[3])
local function int(n) return string.format('%d', n) end
if redis.call('ZCARD', KEYS[1]) > most then return { 0 } end

local undone, tenants = 0, {}
local open = { scheduled = true, queued = true, running = true }
local wanted = { ['now:scheduled'] = 0, ['now:queued'] = 0, ['now:running'] = 0 }
local function add(name) wanted[name] = (wanted[name] or 0) + 1 end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local state, tenant, counted, left = unpack(redis.call('HMGET', ARGV[1] .. id, 'state', 'tenant', 'counted', 'undone'))
  if left and left ~= '' then undone = undone + 1 end
  if state and open[state] then
    add('now:' .. state)
    if tenant then tenants[tenant] = true end
    if counted and state ~= 'running' then add('waiting:' .. (tenant or '')) end
  end
end
if undone > 0 then return { undone } end

local reply = { 0 }
-- correct makes fields of a hash what they should be, and removes those that should be 0.
local function correct(key, prefix, fields, is)
  for name, n in pairs(fields) do
    local differs = tonumber(is[name] or 0) - n
    if differs ~= 0 then
      reply[#reply + 1] = prefix .. name
      reply[#reply + 1] = int(differs)
      if n == 0 then redis.call('HDEL', key, name) else redis.call('HSET', key, name, int(n)) end
    end
  end
end

local is = {}
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  is[all[i]] = all[i + 1]
  if string.sub(all[i], 1, 8) == 'waiting:' and not wanted[all[i]] then wanted[all[i]] = 0 end
end
correct(KEYS[2], '', wanted, is)

local kept, bytes = {}, {}
all = redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do
  tenants[all[i]], kept[all[i]] = true, all[i + 1]
end
for tenant in pairs(tenants) do
  local list = ARGV[2] .. tenant
  local jobs = redis.call('ZCARD', list)
  if jobs <= most then
    most = most - jobs
    local sum = 0
    for _, id in ipairs(redis.call('ZRANGE', list, 0, -1)) do
      sum = sum + tonumber(redis.call('HGET', KEYS[4], id) or 0)
    end
    bytes[tenant] = sum
  end
end
correct(KEYS[3], 'kept:', bytes, kept)
return reply
