-- replan notes that the plan of a queued job has changed.
--   ARGV[2] attempt   ARGV[3] plan (JSON)   ARGV[4] token (fresh per call)
-- A repeat of the same call (its reply was lost) notes it once.
-- Returns {'ok'}, or {'kept', state} when the job is not queued any more, or again.
take('state', 'attempt', 'seq', 'replanned')
local r = read('state', 'attempt', 'replanned')
if r[1] ~= 'queued' or (r[2] or '0') ~= ARGV[2] then return { 'kept', r[1] or 'unknown' } end
if r[3] == ARGV[4] then return { 'ok' } end
write('replanned', ARGV[4], 'plan', ARGV[3])
emit('job.replanned', ARGV[2], ARGV[3])
return commit({ 'ok' })
