-- count adds to fields of the accounts of a day and of its month what calls have
-- used that cost nothing. A call that comes again (its reply was lost) adds
-- nothing more.
--   KEYS[1] .. KEYS[3] as for lib.lua, the last one for the calls together
--   ARGV[1] .. ARGV[3] as for lib.lua   ARGV[4 …] field, what to add to it; and so on
-- Returns 1 if it added anything.
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
redis.call('SET', KEYS[3], 'counted', 'PX', ARGV[3]) -- first: a repeat after an error must not count twice
for period = 1, 2 do
  for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[period], ARGV[i], ARGV[i + 1]) end
  redis.call('PEXPIRE', KEYS[period], ARGV[period])
end
return 1
