-- leaseless takes a task out of active on which no server holds a lease: asynq itself
-- never would.
--   KEYS[1] task (hash)   KEYS[2] pending (list)   KEYS[3] active (list)   KEYS[4] lease (zset)
--   ARGV[1] task ID
--   ARGV[2] 'drop' deletes the task, 'requeue' makes it pending
--   ARGV[3] now, in Unix nanoseconds
-- Returns 1 if it did so, 0 if the task has a lease or is no longer active.
local id = ARGV[1]
if redis.call('ZSCORE', KEYS[4], id) then return 0 end
local active = redis.call('HGET', KEYS[1], 'state') == 'active'
if redis.call('LREM', KEYS[3], 0, id) == 0 then return 0 end
if not active then return 1 end

local done
if ARGV[2] == 'requeue' then done = redis.pcall('RPUSH', KEYS[2], id) else done = redis.pcall('DEL', KEYS[1]) end
if type(done) == 'table' then -- an error: it stays active
  redis.pcall('RPUSH', KEYS[3], id)
  return done
end
-- Only inspectors read these; the server that gets the task writes them anew.
if ARGV[2] == 'requeue' then redis.pcall('HSET', KEYS[1], 'state', 'pending', 'pending_since', ARGV[3]) end
return 1
