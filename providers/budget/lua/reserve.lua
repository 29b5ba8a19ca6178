-- reserve holds the most that a call can cost, if every budget has it left. A
-- call that comes again (its reply was lost) reserves nothing more.
--   ARGV[7] amount   ARGV[8] .. ARGV[13] budget of each account: by day for provider, tenant and
--   agent, then by month; '' where there is none   ARGV[14] the hold
-- Returns {'ok' or 'spent', then spent and held of each account}.

-- parts splits an amount into billions and the rest, which stay exact.
local function parts(s)
  if #s <= 9 then return 0, tonumber(s) end
  return tonumber(string.sub(s, 1, -10)), tonumber(string.sub(s, -9))
end

-- exceeds reports whether amounts are more than a limit together.
local function exceeds(limit, amounts)
  local high, low = 0, 0
  for _, amount in ipairs(amounts) do
    local h, l = parts(amount)
    high, low = high + h, low + l
  end
  high, low = high + math.floor(low / 1e9), low % 1e9
  local h, l = parts(limit)
  return high > h or (high == h and low > l)
end

-- giveUp books what is still reserved for calls whose worker must have died: they
-- may have been billed. Of periods that have ended nothing is left to free.
local function giveUp(now)
  for _, hold in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 20)) do
    local part = {}
    for line in string.gmatch(hold, '[^\n]+') do part[#part + 1] = line end
    redis.call('ZREM', KEYS[4], hold)
    for period = 1, 2 do
      if part[2 + period] == KEYS[period] then
        for i = 5, 7 do
          redis.call('HINCRBY', KEYS[period], 'held ' .. part[i], '-' .. part[2])
          redis.call('HINCRBY', KEYS[period], 'spent ' .. part[i], part[2])
          redis.call('HINCRBY', KEYS[period], 'estimated ' .. part[i], part[2])
        end
      end
    end
  end
end

if redis.call('EXISTS', call) == 1 then return reply('ok') end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
giveUp(now)
for i, account in ipairs(accounts) do
  local limit = ARGV[7 + i]
  if limit ~= '' and exceeds(limit, { read(account, 'spent'), read(account, 'held'), ARGV[7] }) then
    return reply('spent')
  end
end
keep('reserved') -- first: a repeat after an error between these must not reserve twice
redis.call('ZADD', KEYS[4], now + ARGV[3], ARGV[14])
redis.call('PEXPIRE', KEYS[4], ARGV[1])
for _, account in ipairs(accounts) do add(account, 'held', ARGV[7]) end
return reply('ok')
