-- reserve holds the most that a call can cost, if every budget has it left. A
-- call that comes again (its reply was lost) reserves nothing more.
--   ARGV[7] amount   ARGV[8] .. ARGV[13] budget of each account: by day for provider, tenant and
--   agent, then by month; '' where there is none   ARGV[14] the hold
--   ARGV[15] ms after which it lapses   ARGV[16] ms a lapsed call is remembered   ARGV[17] the call's ID
-- Returns {'ok' or 'spent', then spent and reserved of each account}.

-- exceeds reports whether what is reserved and more are above a limit together.
local function exceeds(limit, held, more)
  local high, low = sum(held)
  local h, l = sum(more)
  high, low = high + h + math.floor((low + l) / 1e9), (low + l) % 1e9
  h, l = parts(limit)
  return high > h or (high == h and low > l)
end

-- lapse books the holds of calls whose worker must have died, since they may have
-- been billed. The call remembers what was booked, so that a worker that was only
-- suspended corrects it when it settles the call. The hold goes first: an error
-- behind it books too little, and nothing twice.
local function lapse(now)
  for _, hold in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 20)) do
    local part = lines(hold)
    local amount = part[8] or part[2]
    redis.call('ZREM', KEYS[4], hold)
    for period, kept in ipairs({ ARGV[1], ARGV[2] }) do
      for owner = 5, 7 do
        add({ key = part[2 + period], owner = part[owner] }, 'spent', amount)
        add({ key = part[2 + period], owner = part[owner] }, 'estimated', amount)
      end
      redis.call('PEXPIRE', part[2 + period], kept)
    end
    redis.call('SET', string.sub(call, 1, -#ARGV[17] - 1) .. part[1], 'lapsed ' .. amount, 'PX', ARGV[16])
  end
end

if redis.call('EXISTS', call) == 1 then return reply('ok', reserved()) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
lapse(now)
local holds = reserved()
for i, account in ipairs(accounts) do
  local limit = ARGV[7 + i]
  local spent, held = state(account, holds)
  if limit ~= '' and exceeds(limit, held, { spent, ARGV[7] }) then return reply('spent', holds) end
end
-- The same member if it comes again after an error; then holds has it already.
if redis.call('ZADD', KEYS[4], now + ARGV[15], ARGV[14]) == 1 then include(holds, ARGV[14]) end
redis.call('PEXPIRE', KEYS[4], ARGV[1])
keep('reserved', ARGV[15] + ARGV[3])
return reply('ok', holds)
