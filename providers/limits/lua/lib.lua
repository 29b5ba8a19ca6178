-- Prelude of both scripts, which get the same keys and first arguments:
--   KEYS[1] state (hash)   KEYS[2] calls in flight (zset: call ID by the time its lease ends)
--   ARGV[1] call ID   ARGV[2] lease in ms
--   ARGV[3] calls at once   ARGV[4] requests per minute   ARGV[5] tokens per minute; 0: no such limit
--   ARGV[6] tokens the call may use
-- Fields of the state, all times in ms of this server's clock:
--   requests, tokens   when the next request or token is due, if they came evenly
--   closed             no call is admitted before
--   cut                when the limits were last found to be too high, with what they were cut to:
--   cut_calls          calls at once   cut_rate   share of what may be used per minute
local state, calls = KEYS[1], KEYS[2]
local id, lease = ARGV[1], tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + tonumber(clock[2]) / 1000

local r = redis.call('HMGET', state, 'requests', 'tokens', 'closed', 'cut', 'cut_calls', 'cut_rate')
local due = { requests = tonumber(r[1] or 0), tokens = tonumber(r[2] or 0) }
local closed, cut = tonumber(r[3] or 0), tonumber(r[4] or 0)

-- What was cut recovers by a call each 10 s, and by a tenth of a minute's share each minute. A
-- number of calls that no setting limits is forgotten after 10 minutes.
local since = (now - cut) / 1000
local rate = math.min(1, tonumber(r[6] or 1) + since / 600)
local most_calls = tonumber(ARGV[3])
if r[5] and (most_calls > 0 or since < 600) then
  local learned = tonumber(r[5]) + math.floor(since / 10)
  most_calls = most_calls > 0 and math.min(most_calls, learned) or learned
end

-- per_minute is what is left of a limit per minute; nil if there is none.
local function per_minute(limit)
  if tonumber(limit) == 0 then return nil end
  return math.max(1, math.floor(tonumber(limit) * rate))
end

-- spacing is how many ms lie between requests that come evenly, and how many
-- may come at once: a tenth of a second's worth. The rest comes a little slower
-- for it, so that neither a minute nor a second sees more than its share.
local function spacing(limit)
  local per_second = limit / 60
  local burst = math.max(1, math.floor(per_second / 10))
  return 1000 / (per_second - burst + 1), burst
end

local requests, tokens = per_minute(ARGV[4]), per_minute(ARGV[5])

-- keep writes fields of the state, which is forgotten a day after its last use.
local function keep(...)
  redis.call('HSET', state, ...)
  redis.call('PEXPIRE', state, 86400000)
end
local function ms(n) return string.format('%.3f', n) end
