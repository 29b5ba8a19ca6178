-- claim gives a queued job to one worker, under a lease.
--   KEYS[6] input   KEYS[7] result
--   ARGV[2] lane   ARGV[3] worker   ARGV[4] token (fresh per call)   ARGV[5] lease in ms
-- Returns one of
--   {'claimed', hash as a flat list, input}   {'busy', lease ends}   {'ended', state}
--   {'spent'} the lane has given up on this run   {'unknown'} no such job
-- A running job whose lease has ended is taken over. A repeat of the same call
-- (its reply was lost) gets the same claim.
local r = redis.call('HMGET', job, 'state', 'token', 'lease', 'exhausted')
local state, token, lease, exhausted = r[1], r[2], r[3], r[4] or ''
if not state then return { 'unknown' } end
if not waiting[state] then return { 'ended', state } end
if state == 'scheduled' then return { 'busy', redis.call('HGET', job, 'run_at') } end

if not (state == 'running' and token == ARGV[4]) then
  if state == 'running' then
    if tonumber(lease) > now then return { 'busy', lease } end
    redis.call('HINCRBY', job, 'crashes', 1)
    enqueue(0, '{"reason":"lease_expired"}')
  end
  if string.find(',' .. exhausted .. ',', ',' .. ARGV[2] .. ',', 1, true) then return { 'spent' } end
  redis.call('HINCRBY', job, 'attempt', 1)
  redis.call('HSETNX', job, 'started', int(now))
  redis.call('HSET', job, 'lane', ARGV[2], 'worker', ARGV[3], 'token', ARGV[4])
  enter('running', cjson.encode({ lane = ARGV[2], worker = ARGV[3] }))
end
local ends = int(now + tonumber(ARGV[5]))
redis.call('HSET', job, 'lease', ends)
redis.call('ZADD', due, ends, id)
return { 'claimed', redis.call('HGETALL', job), redis.call('GET', KEYS[6]) or '' }
