-- claim gives a queued job to one worker, under a lease.
--   ARGV[2] lane   ARGV[3] worker   ARGV[4] token (fresh per call)   ARGV[5] lease in ms
--   ARGV[6] the worker's time (RFC 3339), for the record
-- Returns one of
--   {'claimed', hash as a flat list, input, now}   {'busy', ms to wait, 0 if a watchdog is to act first} running, or not to run yet
--   {'ended', state}   {'spent'} the lane has given up on this run   {'unknown'} no such job
--   {'follows', job ID} it waits for the result of that equal job, which the scorecard lane does not respect
-- A running job is not taken over here, however old its lease: after an outage of
-- Redis its worker must get the chance to renew, and only the watchdogs know of
-- outages. A repeat of the same call (its reply was lost) gets the same claim while
-- that lasts, and no other one.
local function wait_until(time) return { 'busy', int(math.max(0, tonumber(time) - now)) } end

if not load() then return { 'unknown' } end
local input = redis.pcall('GET', KEYS[3])
-- An input of another type than a script writes is none; its job must end all the same.
if failed(input) and not string.find(input.err, 'WRONGTYPE', 1, true) then return input end
local state, token, lease, exhausted, run_at, follows =
  unpack(read('state', 'token', 'lease', 'exhausted', 'run_at', 'follows'))
if not open[state] then return { 'ended', state } end
if state == 'scheduled' then return wait_until(run_at) end
if state == 'running' and token ~= ARGV[4] then return wait_until(lease) end
if state == 'queued' and token == ARGV[4] then return wait_until(now) end

if state == 'queued' then
  if string.find(',' .. (exhausted or '') .. ',', ',' .. ARGV[2] .. ',', 1, true) then return { 'spent' } end
  if follows and ARGV[2] ~= 'scorecard' then return { 'follows', follows } end
  erase('follows')
  if not held.started then write('started', int(now)) end
  write('attempt', int(tonumber(held.attempt or 0) + 1), 'lane', ARGV[2], 'worker', ARGV[3], 'token', ARGV[4],
    'claimed', int(now), 'claimed_at', ARGV[6])
  enter('running', cjson.encode({ lane = ARGV[2], worker = ARGV[3] }))
end
local ends = int(now + tonumber(ARGV[5]))
write('lease', ends)
due_at(ends)

local flat = {}
for field, value in pairs(held) do
  if value then
    flat[#flat + 1] = field
    flat[#flat + 1] = value
  end
end
return commit({ 'claimed', flat, type(input) == 'string' and input or '', int(now) })
