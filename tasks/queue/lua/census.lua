-- census counts the tasks of one queue.
--   KEYS[1] pending (list)     KEYS[2] active (list)      KEYS[3] scheduled (zset)   KEYS[4] retry (zset)
--   KEYS[5] archived (zset)    KEYS[6] completed (zset)   KEYS[7] processed (count)  KEYS[8] failed (count)
--   KEYS[9] paused (there while the queue is)   KEYS[10] parked (hash), whose tickets count as pending
--   ARGV[1] what the keys of the queue's tasks (hashes) begin with
-- Returns the sizes of KEYS[1] to KEYS[6] and the counts of KEYS[7] and KEYS[8], as
-- numbers; 1 if the queue is paused and else 0; and since when the oldest pending
-- task has been so, in Unix nanoseconds, '' if there is none.
local n = {}
for i = 1, 2 do n[i] = redis.call('LLEN', KEYS[i]) end
n[1] = n[1] + redis.call('HLEN', KEYS[10])
for i = 3, 6 do n[i] = redis.call('ZCARD', KEYS[i]) end
for i = 7, 8 do n[i] = tonumber(redis.call('GET', KEYS[i]) or 0) end
n[9] = redis.call('EXISTS', KEYS[9])
local oldest = redis.call('LINDEX', KEYS[1], -1)
n[10] = oldest and redis.call('HGET', ARGV[1] .. oldest, 'pending_since') or ''
return n
