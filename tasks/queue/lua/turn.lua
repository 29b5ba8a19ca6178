-- turn takes the tickets of the tenants whose turn it is: always the one that has had least
-- for its weight (start-time fair queueing).
--   KEYS[1] turns (zset: tenant by the virtual time of its next turn)
--   KEYS[2] past (zset: tenant without tickets, by the virtual time that its next turn may begin at)
--   KEYS[3] parked (hash: ticket ID → what it costs and the ticket)
--   ARGV[1] what the keys of the tenants' lines (lists of ticket IDs) begin with   ARGV[2] how many tickets at most
-- Returns the tickets, in their order.
local tickets = {}
for _ = 1, tonumber(ARGV[2]) do
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  local tenant = first[1]
  if not tenant then break end
  local line = ARGV[1] .. tenant
  local id = redis.call('LINDEX', line, 0)
  local parked = id and redis.call('HGET', KEYS[3], id)
  if parked then redis.call('HDEL', KEYS[3], id) end -- first: where a later step fails, it can be parked again
  redis.call('LPOP', line)
  local cost, ticket = string.match(parked or '', '^(%S+) (.*)$')
  local after = tonumber(first[2]) + (tonumber(cost or 0) or 0)
  if redis.call('EXISTS', line) == 1 then
    redis.call('ZADD', KEYS[1], string.format('%.17g', after), tenant)
  else
    redis.call('ZREM', KEYS[1], tenant)
    redis.call('ZADD', KEYS[2], string.format('%.17g', after), tenant)
  end
  if ticket then tickets[#tickets + 1] = ticket end
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[2] then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', first[2]) -- they count for nothing any more
else
  redis.call('DEL', KEYS[2], KEYS[3]) -- nobody waits: all begin anew
end
return tickets
