-- Prelude of reserve and settle, which get the same keys and first arguments.
-- Amounts are in picodollars, as decimal strings: the numbers of Lua are exact up
-- to 9,000 dollars only.
--   KEYS[1] this day's account (hash)   KEYS[2] this month's account (hash)
--   KEYS[3] the call (string: 'reserved', 'settled', or 'lapsed <amount>'), to recognize one that comes again
--   KEYS[4] what is reserved (zset: hold, by the ms at which it lapses)
--   ARGV[1] ms the day's account is kept   ARGV[2] ms the month's   ARGV[3] ms a settled call is remembered
--   ARGV[4] .. ARGV[6] the owners: 'provider:<name>', 'tenant:<name>', 'agent:<id>'
-- Fields of an account: 'spent <owner>'; for providers also 'calls <owner>',
-- 'input <owner>' and 'output <owner>' (tokens), and 'unpriced <owner>' (calls
-- whose price is not known); and 'estimated <owner>' for the part of spent that the
-- provider did not report. What is reserved is the sum of the holds; a field 'held
-- <owner>' is of an older version, and is not read.
-- A hold is a line each: the call's ID, the amount, the keys of its two accounts,
-- the three owners, and what is booked if it lapses (absent in holds of an older
-- version: the amount).
local call = KEYS[3]

-- accounts are those on which the call is booked.
local accounts = {}
for period = 1, 2 do
  for i = 4, 6 do accounts[#accounts + 1] = { key = KEYS[period], owner = ARGV[i] } end
end

-- add adds to a field of an account.
local function add(account, field, amount)
  return redis.call('HINCRBY', account.key, field .. ' ' .. account.owner, amount)
end

-- parts splits an amount into billions and the rest, which stay exact.
local function parts(s)
  if #s <= 9 then return 0, tonumber(s) end
  return tonumber(string.sub(s, 1, -10)), tonumber(string.sub(s, -9))
end

-- sum adds up amounts; it returns billions and the rest.
local function sum(amounts)
  local high, low = 0, 0
  for _, amount in ipairs(amounts) do
    local h, l = parts(amount)
    high, low = high + h, low + l
  end
  return high + math.floor(low / 1e9), low % 1e9
end

-- lines splits a hold.
local function lines(hold)
  local part = {}
  for line in string.gmatch(hold, '[^\n]+') do part[#part + 1] = line end
  return part
end

-- include lists the amount of a hold on each of its accounts.
local function include(amounts, hold)
  local part = lines(hold)
  for period = 3, 4 do
    for owner = 5, 7 do
      local of = amounts[part[period] .. ' ' .. part[owner]]
      if of then of[#of + 1] = part[2] end
    end
  end
end

-- reserved lists the amounts of the holds on each account. It reads all of them, so
-- a script calls it once.
local function reserved()
  local amounts = {}
  for _, account in ipairs(accounts) do amounts[account.key .. ' ' .. account.owner] = {} end
  for _, hold in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do include(amounts, hold) end
  return amounts
end

-- state returns what is spent on an account, and the amounts that are reserved.
local function state(account, holds)
  return redis.call('HGET', account.key, 'spent ' .. account.owner) or '0', holds[account.key .. ' ' .. account.owner]
end

-- reply returns a verdict, followed by what is spent and reserved of each account.
local function reply(verdict, holds)
  local all = { verdict }
  for _, account in ipairs(accounts) do
    local spent, held = state(account, holds)
    local high, low = sum(held)
    all[#all + 1] = spent
    all[#all + 1] = string.format('%d%09d', high, low)
  end
  return all
end

-- keep renews the life of the accounts, and remembers the call for so many ms.
local function keep(now, ms)
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  redis.call('SET', call, now, 'PX', ms)
end
