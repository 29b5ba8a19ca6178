-- cancel ends a job in any state that is not terminal, at once, also while it
-- runs: the fence then refuses whatever its worker still writes, which is notified on
-- the channel that has the name of KEYS[6].
--   ARGV[2] tenant   ARGV[3] token (fresh per call)
-- A repeat of the same call (its reply was lost) leaves a new run alone.
-- Returns {'ok'} (also when it was canceled before), {'ended', state}, or
-- {'unknown'} when the tenant has no such job.
take('state', 'tenant', 'last_cancel', 'attempt', 'lane', 'worker', 'claimed', 'claimed_at', 'seq', 'attempts', 'callback',
  'place', 'spec', 'counted', 'retention')
local state, tenant = unpack(read('state', 'tenant'))
if not state or tenant ~= ARGV[2] then return { 'unknown' } end
if repeated('cancel', ARGV[3]) then return { 'ok' } end
if state ~= 'canceled' and not open[state] then return { 'ended', state } end
remember('cancel', ARGV[3])
if state == 'canceled' then return commit({ 'ok' }) end
if state == 'running' then
  cut('canceled')
  wake(due, id)
end
finish('canceled', '{}')
return commit({ 'ok' })
