-- amend adds to a canceled job what the candidates of its last attempt did, in
-- place of the note that it was cut: only its worker knows who was being asked.
--   ARGV[2] attempt   ARGV[3] attempt records
-- Returns {'ok'}, also when this call comes again (its reply was lost), or {'stale', state}.
take('state', 'attempt', 'settled', 'attempts')
if held.settled == ARGV[2] .. ':amend' then return { 'ok' } end
if held.state ~= 'canceled' or held.attempt ~= ARGV[2] then return { 'stale', held.state or 'unknown' } end
local kept, last = string.match(held.attempts or '', '^(.*}),({".*)$')
last = last or held.attempts or ''
if string.find(last, '"candidate":""', 1, true) and string.find(last, '"outcome":"canceled"', 1, true) then
  if kept then write('attempts', kept) else erase('attempts') end
end
settle(ARGV[2], 'amend', ARGV[3])
return commit({ 'ok' })
