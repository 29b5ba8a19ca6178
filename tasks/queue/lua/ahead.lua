-- ahead estimates how many tickets are taken before one that is parked.
--   KEYS[1] turns (zset: tenant by the virtual time of its next turn)   KEYS[2] parked (hash: ticket ID → its cost and the ticket)
--   KEYS[3] the tenant's line (list: ticket IDs)   KEYS[4] pending (list)
--   ARGV[1] tenant   ARGV[2] ticket ID   ARGV[3] what the keys of the tenants' lines begin with
--   ARGV[4] how far to look in the line, and at how many tenants
-- Returns the number, -1 if the ticket is not parked, is further back than that, or no other tenant has any.
if redis.call('ZCARD', KEYS[1]) < 2 then return -1 end
local at = redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 and redis.call('LPOS', KEYS[3], ARGV[2], 'MAXLEN', ARGV[4])
local own = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not at or not own then return -1 end
local function cost_of(id) return tonumber(string.match(redis.call('HGET', KEYS[2], id) or '', '^%S+') or 1) or 1 end
local turn = tonumber(own) + at * cost_of(ARGV[2])
local n = at + redis.call('LLEN', KEYS[4])
local others = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.17g', turn), 'WITHSCORES', 'LIMIT', 0, ARGV[4])
for i = 1, #others, 2 do
  if others[i] ~= ARGV[1] then
    local line = ARGV[3] .. others[i]
    local cost = cost_of(redis.call('LINDEX', line, 0) or '')
    n = n + math.min(redis.call('LLEN', line), math.floor((turn - tonumber(others[i + 1])) / cost) + 1)
  end
end
return n
