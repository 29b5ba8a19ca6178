-- leaseless takes a task out of active that nobody holds a lease on: asynq itself
-- never would.
--   KEYS[1] task (hash)   KEYS[2] pending (list)   KEYS[3] active (list)   KEYS[4] lease (zset)
--   ARGV[1] task ID
--   ARGV[2] 'drop' deletes the task, 'requeue' makes it pending
--   ARGV[3] now, in Unix nanoseconds
-- Returns 1 if it did so, 0 if the task has a lease or is no longer active.
local id = ARGV[1]
if redis.call('ZSCORE', KEYS[4], id) then return 0 end
if redis.call('LREM', KEYS[3], 0, id) == 0 then return 0 end
if redis.call('HGET', KEYS[1], 'state') == 'active' then
  if ARGV[2] == 'requeue' then
    redis.call('HSET', KEYS[1], 'state', 'pending', 'pending_since', ARGV[3])
    redis.call('RPUSH', KEYS[2], id)
  else
    redis.call('DEL', KEYS[1])
  end
end
return 1
