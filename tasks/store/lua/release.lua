-- release hands a running job back to the queue.
--   ARGV[2] attempt   ARGV[3] lane that has given up on this run, '' for none; '*' before it lets those
--   try again that gave up before
--   ARGV[4] why (one word)   ARGV[5] ms until the watchdog looks at it   ARGV[6] attempt records
--   ARGV[7 …] type and data (JSON) of events that come before it is queued
-- Returns {'ok', sequence number} or {'stale', state}.
take('state', 'attempt', 'settled', 'seq', 'attempts', 'tenant', 'callback', 'place', 'counted',
  'lanes', 'exhausted', 'follows', 'complexity', 'spec', 'deadline', 'spill')
local refusal = fenced(ARGV[2], 'release')
if refusal then return refusal end
settle(ARGV[2], 'release', ARGV[6])
log_all(ARGV[2], 7)
local given_up = ARGV[3]
if string.sub(given_up, 1, 1) == '*' then
  erase('exhausted')
  given_up = string.sub(given_up, 2)
end
if given_up ~= '' then
  local spent = read('exhausted')[1]
  if spent and spent ~= '' then spent = spent .. ',' .. given_up else spent = given_up end
  write('exhausted', spent)
end
local seq = enqueue(ARGV[5], cjson.encode({ reason = ARGV[4] }))
return commit({ 'ok', int(seq) })
