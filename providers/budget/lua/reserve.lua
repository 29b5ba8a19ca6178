-- reserve holds the most that a call can cost, if every budget has it left. A
-- call that comes again (its reply was lost) reserves nothing more.
--   ARGV[7] amount   ARGV[8] .. ARGV[13] budget of each account: by day for provider, tenant and
--   agent, then by month; '' where there is none
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

if redis.call('EXISTS', call) == 1 then return reply('ok') end
for i, account in ipairs(accounts) do
  local limit = ARGV[7 + i]
  if limit ~= '' and exceeds(limit, { read(account, 'spent'), read(account, 'held'), ARGV[7] }) then
    return reply('spent')
  end
end
for _, account in ipairs(accounts) do add(account, 'held', ARGV[7]) end
keep('reserved')
return reply('ok')
