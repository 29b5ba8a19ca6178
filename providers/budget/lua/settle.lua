-- settle books what a call has cost, in place of what was reserved for it. A call
-- that comes again (its reply was lost) books nothing more.
--   ARGV[7] cost   ARGV[8] what was reserved and is given back; '0' for nothing
--   ARGV[9] '1' if it used any tokens, else '0'   ARGV[10] tokens of its prompt
--   ARGV[11] tokens of its answer   ARGV[12] '1' if its price is not known, else '0'
--   ARGV[13] the part of the cost that is an estimate   ARGV[14] the hold
-- Returns {'ok', then spent and held of each account}.
local known = redis.call('GET', call)
if known == 'settled' then return reply('ok') end
keep('settled') -- first: a repeat after an error between these must not book twice
redis.call('ZREM', KEYS[4], ARGV[14])
for _, account in ipairs(accounts) do
  add(account, 'spent', ARGV[7])
  if ARGV[13] ~= '0' then add(account, 'estimated', ARGV[13]) end
  if ARGV[8] ~= '0' and known == 'reserved' then add(account, 'held', '-' .. ARGV[8]) end
end
for _, account in ipairs({ accounts[1], accounts[4] }) do
  add(account, 'calls', ARGV[9])
  add(account, 'input', ARGV[10])
  add(account, 'output', ARGV[11])
  add(account, 'unpriced', ARGV[12])
end
return reply('ok')
