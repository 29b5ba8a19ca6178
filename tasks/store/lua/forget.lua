-- forget takes jobs off the lists whose retention is over, and returns what was
-- reserved for them to their tenants.
--   KEYS[1] ended (zset)   KEYS[2] bytes kept (hash: tenant → bytes)   KEYS[3] sizes (hash: job ID → bytes)
--   KEYS[4 …] for each job the list of its tenant's jobs
--   ARGV for each job three: its entry in ended, its ID, its tenant
-- What fails for one job, as when memory is full, is left for the next call.
-- Returns how many jobs were forgotten.
local forgotten = 0
for k = 4, #KEYS do
  local entry, id, tenant = ARGV[3 * k - 11], ARGV[3 * k - 10], ARGV[3 * k - 9]
  redis.call('ZREM', KEYS[k], id)
  local size = redis.call('HGET', KEYS[3], id)
  local left = size and redis.pcall('HINCRBY', KEYS[2], tenant, '-' .. size)
  if type(left) ~= 'table' then
    if size then redis.call('HDEL', KEYS[3], id) end
    if left and left <= 0 then redis.call('HDEL', KEYS[2], tenant) end
    redis.call('ZREM', KEYS[1], entry)
    forgotten = forgotten + 1
  end
end
return forgotten
