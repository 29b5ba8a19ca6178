-- Prelude of both scripts, which get the same keys and first arguments. Amounts
-- are in picodollars, as decimal strings: the numbers of Lua are exact up to
-- 9,000 dollars only.
--   KEYS[1] this day's account (hash)   KEYS[2] this month's account (hash)
--   KEYS[3] the call (string: 'reserved' or 'settled'), to know one that comes again
--   KEYS[4] what is reserved (zset: hold, by the ms when it is given up)
--   ARGV[1] ms the day's account is kept   ARGV[2] ms the month's   ARGV[3] ms the call is known
--   ARGV[4] .. ARGV[6] who bears it: 'provider:<name>', 'tenant:<name>', 'agent:<id>'
-- Fields of an account: 'spent <who>', and 'held <who>' for what is reserved; for
-- providers also 'calls <who>', 'input <who>' and 'output <who>' (tokens), and
-- 'unpriced <who>' (calls whose price is not known); and 'estimated <who>' for what
-- of spent the provider did not report.
-- A hold is a call's ID, the amount, the keys of its two accounts and the three who
-- bear it, a line each.
local call = KEYS[3]

-- accounts are what the call is booked on.
local accounts = {}
for period = 1, 2 do
  for i = 4, 6 do accounts[#accounts + 1] = { key = KEYS[period], who = ARGV[i] } end
end

-- add adds to a field of an account.
local function add(account, field, amount)
  return redis.call('HINCRBY', account.key, field .. ' ' .. account.who, amount)
end

-- read returns a field of an account.
local function read(account, field) return redis.call('HGET', account.key, field .. ' ' .. account.who) or '0' end

-- keep lets what is old be forgotten, and this call soon.
local function keep(now)
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  redis.call('SET', call, now, 'PX', ARGV[3])
end

-- reply returns a verdict, followed by what is spent and held of each account.
local function reply(verdict)
  local all = { verdict }
  for _, account in ipairs(accounts) do
    all[#all + 1] = read(account, 'spent')
    all[#all + 1] = read(account, 'held')
  end
  return all
end
