-- ghost removes an ID whose task is gone from every list.
--   KEYS[1] task (hash)         KEYS[2] pending (list)     KEYS[3] active (list)
--   KEYS[4] scheduled (zset)    KEYS[5] retry (zset)       KEYS[6] lease (zset)
--   ARGV[1] task ID
-- Returns how many lists had it, 0 if there is such a task after all.
local id = ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local n = 0
for _, list in ipairs({ KEYS[2], KEYS[3] }) do n = n + redis.call('LREM', list, 0, id) end
for _, set in ipairs({ KEYS[4], KEYS[5], KEYS[6] }) do n = n + redis.call('ZREM', set, id) end
return n
