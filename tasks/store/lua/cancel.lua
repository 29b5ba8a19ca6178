-- cancel ends a job in any state that is not terminal, at once, also while it
-- runs: the fence then refuses whatever its worker still writes.
--   ARGV[2] tenant
-- Returns {'ok'} (also when it was canceled before), {'ended', state}, or
-- {'unknown'} when the tenant has no such job.
local r = redis.call('HMGET', job, 'state', 'tenant')
local state, tenant = r[1], r[2]
if not state or tenant ~= ARGV[2] then return { 'unknown' } end
if state == 'canceled' then return { 'ok' } end
if not open[state] then return { 'ended', state } end
if state == 'running' then cut('canceled') end
finish('canceled', '{}')
return { 'ok' }
