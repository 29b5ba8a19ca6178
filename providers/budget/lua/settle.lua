-- settle books what a call has cost, in place of what was reserved for it. A call
-- that comes again (its reply was lost) books nothing more.
--   ARGV[7] cost   ARGV[8] '1' if it used any tokens, else '0'   ARGV[9] tokens of its prompt
--   ARGV[10] tokens of its answer   ARGV[11] '1' if its price is not known, else '0'
--   ARGV[12] the part of the cost that is an estimate   ARGV[13] the hold
-- Returns {'ok', then spent and reserved of each account}.
local known = redis.call('GET', call)
if known == 'settled' then return reply('ok', reserved()) end
keep('settled', ARGV[3]) -- before the rest: a repeat after an error behind it must not book twice
local lapsed = known and string.match(known, '^lapsed (%d+)$')
for _, account in ipairs(accounts) do
  add(account, 'spent', ARGV[7])
  if ARGV[12] ~= '0' then add(account, 'estimated', ARGV[12]) end
  if lapsed then
    add(account, 'spent', '-' .. lapsed)
    add(account, 'estimated', '-' .. lapsed)
  end
end
for _, account in ipairs({ accounts[1], accounts[4] }) do
  add(account, 'calls', ARGV[8])
  add(account, 'input', ARGV[9])
  add(account, 'output', ARGV[10])
  add(account, 'unpriced', ARGV[11])
end
redis.call('ZREM', KEYS[4], ARGV[13]) -- last: after an error before it the reservation lapses, and an estimate is booked
return reply('ok', reserved())
