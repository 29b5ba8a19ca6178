-- park lets a ticket wait for its tenant's turn.
--   KEYS[1] turns (zset: tenant by the virtual time of its next turn)
--   KEYS[2] past (zset: tenant without tickets, by the virtual time that its next turn may begin at)
--   KEYS[3] parked (hash: ticket ID → what it costs and the ticket)   KEYS[4] the tenant's line (list: ticket IDs)
--   ARGV[1] tenant   ARGV[2] ticket ID   ARGV[3] its cost (1 / the tenant's weight), a space, and the ticket
-- Returns 1, or 0 if the ticket is parked already.
-- The hash is written last: where a step before it fails, the ticket can be parked again.
if redis.call('HEXISTS', KEYS[3], ARGV[2]) == 1 then return 0 end
redis.call('RPUSH', KEYS[4], ARGV[2])
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  -- Not before what others have had already, and not before its own last turn is over.
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  local now, own = tonumber(first[2] or 0), tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0)
  redis.call('ZADD', KEYS[1], string.format('%.17g', math.max(now, own)), ARGV[1])
end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
return 1
