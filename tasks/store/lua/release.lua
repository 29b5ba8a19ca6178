-- release hands a running job back to the queue.
--   ARGV[2] attempt   ARGV[3] lane that has given up on this run, '' for none; '*' before it lets those
--   try again that gave up before
--   ARGV[4] why (one word)   ARGV[5] ms until the watchdog looks at it   ARGV[6] attempt records
--   ARGV[7 …] type and data (JSON) of events that come before it is queued
-- Returns {'ok', sequence number} or {'stale', state}.
local refusal = fenced(ARGV[2], 'release')
if refusal then return refusal end
settle(ARGV[2], 'release', ARGV[6])
tell(ARGV[2], 7)
local given_up = ARGV[3]
if string.sub(given_up, 1, 1) == '*' then
  redis.call('HDEL', job, 'exhausted')
  given_up = string.sub(given_up, 2)
end
if given_up ~= '' then
  local spent = redis.call('HGET', job, 'exhausted')
  if spent and spent ~= '' then spent = spent .. ',' .. given_up else spent = given_up end
  redis.call('HSET', job, 'exhausted', spent)
end
return { 'ok', int(enqueue(ARGV[5], cjson.encode({ reason = ARGV[4] }))) }
