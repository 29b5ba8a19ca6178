-- unplaced repairs a task that may be in no list, so that no server would ever
-- take it, and its ID could not be issued again.
--   KEYS[1] task (hash)         KEYS[2] pending (list)     KEYS[3] active (list)
--   KEYS[4] scheduled (zset)    KEYS[5] retry (zset)       KEYS[6] archived (zset)   KEYS[7] completed (zset)
--   KEYS[8] lease (zset: end of the lease in Unix seconds)
--   ARGV[1] task ID
--   ARGV[2] 'drop' deletes the task, unless it is in one of the lists
--           'requeue' makes it pending, unless it is in one of the lists
--           'free' deletes the task, unless it is in a list from which it may yet be taken
--           or is in the hands of a server that still renews its lease
--   ARGV[3] now, in Unix nanoseconds   ARGV[4] a lease that ends before this, in Unix seconds, is not renewed
-- Returns 1 if it did so, 0 if the task is in its place or gone. asynq moves a task
-- and its ID together, so a task that is nowhere now has been lost.
local id = ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('LPOS', KEYS[2], id) then return 0 end
if redis.call('LPOS', KEYS[3], id) then
  local lease = redis.call('ZSCORE', KEYS[8], id)
  if ARGV[2] ~= 'free' or not lease or tonumber(lease) >= tonumber(ARGV[4]) then return 0 end
  redis.call('LREM', KEYS[3], 0, id)
end
for _, set in ipairs({ KEYS[4], KEYS[5] }) do
  if redis.call('ZSCORE', set, id) then return 0 end
end
if ARGV[2] == 'free' then
  for i = 6, 8 do redis.call('ZREM', KEYS[i], id) end
elseif redis.call('ZSCORE', KEYS[6], id) or redis.call('ZSCORE', KEYS[7], id) then
  return 0
end

if ARGV[2] == 'requeue' then
  redis.call('HSET', KEYS[1], 'state', 'pending', 'pending_since', ARGV[3])
  redis.call('LPUSH', KEYS[2], id)
else
  redis.call('DEL', KEYS[1])
end
return 1
