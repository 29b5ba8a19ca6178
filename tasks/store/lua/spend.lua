-- spend counts what the calls of an attempt have cost. It is not fenced: what was
-- spent is spent, also when the attempt was cut. The sum of an attempt is given
-- anew each time, so that a call that comes again counts nothing twice.
--   ARGV[2] attempt   ARGV[3] picodollars that all its calls have cost so far (less than 9,000 dollars)
-- Returns {'ok'} or {'stale', 'unknown'} when there is no such job.
local field = 'cost:' .. ARGV[2]
take('attempt', 'cost', field)
if tonumber(read('attempt')[1] or '0') < tonumber(ARGV[2]) then return { 'stale', 'unknown' } end
local more = tonumber(ARGV[3]) - tonumber(read(field)[1] or '0')
if more > 0 then
  write(field, ARGV[3], 'cost', int(tonumber(read('cost')[1] or 0) + more))
end
return commit({ 'ok' })
