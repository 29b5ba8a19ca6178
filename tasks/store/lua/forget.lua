-- forget takes jobs off the lists whose retention is over, and returns what was
-- reserved for them to their tenants.
--   KEYS[1] ended (zset)   KEYS[2] bytes kept (hash: tenant → bytes)   KEYS[3] sizes (hash: job ID → bytes)
--   KEYS[4 …] for each job the list of its tenant's jobs
--   ARGV for each job three: its entry in ended, its ID, its tenant
-- A job whose commands fail, as when a permission is missing, is left for the next call,
-- which subtracts its bytes once: its size is removed first, and put back where the
-- subtraction fails.
-- Returns how many jobs were forgotten, or the error if that were none.
local forgotten, problem = 0, nil

local function failed(reply)
  if type(reply) ~= 'table' or not reply.err then return false end
  problem = reply
  return true
end

-- release returns what is reserved for a job to its tenant, and reports whether that is done.
local function release(id, tenant)
  local size = redis.pcall('HGET', KEYS[3], id)
  if failed(size) then return false end
  if not size then return true end
  if failed(redis.pcall('HDEL', KEYS[3], id)) then return false end
  local left = redis.pcall('HINCRBY', KEYS[2], tenant, '-' .. size)
  if failed(left) then
    redis.pcall('HSET', KEYS[3], id, size)
    return false
  end
  if left <= 0 then redis.pcall('HDEL', KEYS[2], tenant) end
  return true
end

for k = 4, #KEYS do
  local entry, id, tenant = ARGV[3 * k - 11], ARGV[3 * k - 10], ARGV[3 * k - 9]
  if release(id, tenant) and not failed(redis.pcall('ZREM', KEYS[k], id)) and not failed(redis.pcall('ZREM', KEYS[1], entry)) then
    forgotten = forgotten + 1
  end
end
if forgotten == 0 and problem then return problem end
return forgotten
