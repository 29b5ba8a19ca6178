-- enter admits a call if every limit has room for it, and reserves that room.
-- A call that comes again (its reply was lost) is admitted once.
-- Returns {0} or {ms to wait, what there is too much of: closed, calls, requests or tokens,
-- calls in flight, ms since the oldest of them began}.
if redis.call('ZSCORE', calls, id) then return { 0 } end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', ms(now))

local longest, what = 0, ''
local function wait(time, why)
  if time > longest then longest, what = time, why end
end
wait(closed - now, 'closed')
-- It is not known when a call ends: a waiter asks again in a second.
if most_calls > 0 and redis.call('ZCARD', calls) >= most_calls then wait(1000, 'calls') end
if requests then
  local every, burst = spacing(requests)
  wait(due.requests - (burst - 1) * every - now, 'requests')
  due.requests = math.max(due.requests, now) + every
end
if tokens then
  -- A call may be larger than a second's share, even than a minute's: those
  -- after it wait until it is paid off.
  wait(due.tokens - now, 'tokens')
  due.tokens = math.max(due.tokens, now) + tonumber(ARGV[6]) * 60000 / tokens
end
if longest > 0 then
  local oldest = redis.call('ZRANGE', calls, 0, 0, 'WITHSCORES')[2]
  local age = oldest and now - (tonumber(oldest) - lease) or 0
  return { math.ceil(longest), what, redis.call('ZCARD', calls), math.floor(age) }
end

redis.call('ZADD', calls, ms(now + lease), id) -- first: a repeat after an error behind it must not count the call twice
redis.call('PEXPIRE', calls, lease)
keep('requests', ms(due.requests), 'tokens', ms(due.tokens))
return { 0 }
