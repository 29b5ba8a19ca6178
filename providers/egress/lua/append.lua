-- Appends a line to the ledger, with the next number of its series.
--
-- KEYS[1] the lines (stream)
-- KEYS[2] the count (hash: series, number)
-- ARGV[1] about how many lines to keep, if no process writes them to a file
-- ARGV[2] a name for the series, if one begins
-- ARGV[3] the line (JSON)
-- Returns the number.
redis.call('HSETNX', KEYS[2], 'series', ARGV[2])
local series = redis.call('HGET', KEYS[2], 'series')
local number = redis.call('HINCRBY', KEYS[2], 'number', 1)
local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'series', series, 'number', number, 'line', ARGV[3])
if type(added) == 'table' and added.err then
  redis.pcall('HINCRBY', KEYS[2], 'number', -1) -- the caller sends nothing, so nothing is missing
  return added
end
return number
