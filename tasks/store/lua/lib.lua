-- Prelude of every job script but create. All of a job's scripts get the same first keys:
--   KEYS[1] job (hash)        KEYS[2] its events (list)     KEYS[3] its input   KEYS[4] its result
--   KEYS[5] outbox (stream)   KEYS[6] due (zset: job ID by the time the watchdog must look at it)
--   KEYS[7] counters (hash)   KEYS[8] waiting (zset of places, all with score 0: each waiting job
--   by its queue, "<lane>.<line>:<since>:<job ID>", and by its agent, "<lane>/<agent>:<since>:<job ID>")
--   KEYS[9] ended (zset: "<job ID> <tenant>" by the time the job is forgotten)
--   ARGV[1] job ID
-- All times are Unix milliseconds of this server's clock, so that the clocks of
-- workers never decide who owns a job.
local job, events, outbox, due, counters, waiting = KEYS[1], KEYS[2], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local id = ARGV[1]

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

-- int writes a number without exponent or fraction.
local function int(n) return string.format('%d', n) end

-- open are the states that a run has yet to leave.
local open = { scheduled = true, queued = true, running = true }

-- Redis does not undo what a script has written before one of its commands fails. So
-- a job script writes nothing while it decides: it begins with take or load,
-- which read the record, and notes what is to be written; commit writes it, last of
-- all, in this order:
--   1. what does no harm without the record, or can be undone: `first`
--   2. the record, by one HSET: from here on the job has changed
--   3. what follows from the record: `rest`. A command that fails stays in the field
--      `undone`, and the next script of the job tries it again before it does anything else
--   4. messages to subscribers, which may fail: watchers poll, too
local held = {}     -- field → value, false where the job has none
local dirty = {}    -- names of the held fields that are to be written
local whole = false -- the job has no fields but those that are held
local first = {}    -- commands before the record: { command, command that undoes it or nil }
local rest = {}     -- commands after the record
local wakes = {}    -- messages: { channel, message }
local emptied = {}  -- fields of counters that are removed when they have come to 0
local problem       -- the error of a command that is still undone
local older = 0     -- how many commands of `rest` earlier scripts have left

-- mostUndone is how many commands may be undone before a job changes no further.
local mostUndone = 200

local function failed(reply) return type(reply) == 'table' and reply.err end

-- before has commit run a command before it writes the record, and undo it when a
-- later one fails before the record is written.
local function before(command, undo) first[#first + 1] = { command, undo } end

-- after has commit run a command once the record is written.
local function after(...) rest[#rest + 1] = { ... } end

-- wake has commit publish a message.
local function wake(channel, message) wakes[#wakes + 1] = { channel, message } end

-- The log is a list of "<number> <attempt> <time> <type> <data>", bounded to its newest
-- entries. The queued event of a job that is being made is not in it: the record says
-- as much, unless it has the field logged. A job that a version before this one made
-- has a stream with an entry <number>-0 for each event, which stays one.
local kept = 5000
local newest   -- number of the newest entry, once it was read
local streamed -- the log is a stream

-- survey reads the number of the newest entry, and returns an error if it cannot.
local function survey()
  if newest then return end
  newest = 0
  local entry = redis.pcall('LINDEX', events, '-1')
  if failed(entry) and string.find(entry.err, 'WRONGTYPE', 1, true) then
    streamed = true
    entry = redis.pcall('XREVRANGE', events, '+', '-', 'COUNT', '1')
    if not failed(entry) then entry = entry[1] and entry[1][1] end
  end
  if failed(entry) then
    newest = nil
    return entry
  end
  if entry then newest = tonumber(string.match(entry, '^%d+')) end
end

-- append adds an entry to the log. One whose number is taken is there already.
local function append(entry)
  local problem = survey()
  if problem then return problem end
  local seq, attempt, at, kind, data = string.match(entry, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  if tonumber(seq) <= newest then return end
  local reply
  if streamed then
    reply = redis.pcall('XADD', events, 'MAXLEN', '~', kept, seq .. '-0', 'type', kind, 'attempt', attempt, 'at', at, 'data', data)
  else
    reply = redis.pcall('RPUSH', events, entry)
    if tonumber(seq) > kept and tonumber(seq) % 100 == 0 then redis.pcall('LTRIM', events, -kept, '-1') end
  end
  if not failed(reply) then newest = tonumber(seq) end
  return reply
end

-- entry_of returns the entry that a command adds to the log, nil if it does not. A
-- version before this one has left XADD undone, where it met a list.
local function entry_of(command)
  if command[2] ~= events then return end
  if command[1] == 'RPUSH' then return command[3] end
  if command[1] ~= 'XADD' then return end
  local seq, of = string.match(command[6], '^%d+'), {}
  for i = 7, #command, 2 do of[command[i]] = command[i + 1] end
  return table.concat({ seq, of.attempt, of.at, of.type, of.data }, ' ')
end

-- perform runs commands in their order and returns those that failed. One that comes
-- after another that failed on the same key is not tried: events have an order.
local function perform(commands)
  local left, blocked = {}, {}
  for _, command in ipairs(commands) do
    local reply
    if not blocked[command[2]] then
      local entry = entry_of(command)
      if entry then reply = append(entry) else reply = redis.pcall(unpack(command)) end
    end
    if blocked[command[2]] or failed(reply) then
      left[#left + 1], blocked[command[2]] = command, true
      if failed(reply) then problem = reply.err end
    end
  end
  return left
end

local function list(commands) return #commands > 0 and cjson.encode(commands) or '' end

-- redo tries again what an earlier script could not write after the record. The field
-- undone loses the commands that count before they are tried, so that none counts twice
-- if the field cannot be written afterwards; all others may be repeated.
local function redo()
  if not held.undone or held.undone == '' then return end
  local again, repeatable = cjson.decode(held.undone), {}
  for _, command in ipairs(again) do
    if command[1] ~= 'HINCRBY' then repeatable[#repeatable + 1] = command end
  end
  if #repeatable < #again then
    held.undone = list(repeatable)
    redis.call('HSET', job, 'undone', held.undone)
  end
  rest = perform(again)
  local left = list(rest)
  if left ~= held.undone and not failed(redis.pcall('HSET', job, 'undone', left)) then held.undone = left end
  -- Fields that are yet to be removed count as removed, and may be written again.
  for i = #rest, 1, -1 do
    if rest[i][1] == 'HDEL' and rest[i][2] == job then
      for k = 3, #rest[i] do held[rest[i][k]], dirty[rest[i][k]] = false, true end
      table.remove(rest, i)
    end
  end
  older = #rest
end

-- take begins to hold fields, which it reads.
local function take(...)
  local values = redis.call('HMGET', job, 'undone', ...)
  held.undone = values[1]
  for i, field in ipairs({ ... }) do held[field] = values[i + 1] end
  redo()
end

-- load begins to hold all fields. It returns false if there is no such job.
local function load()
  whole = true
  local all = redis.call('HGETALL', job)
  for i = 1, #all, 2 do held[all[i]] = all[i + 1] end
  redo()
  return #all > 0
end

-- read returns fields of the job, false for those that it does not have.
local function read(...)
  local values = {}
  for i, field in ipairs({ ... }) do
    if held[field] == nil then held[field] = not whole and redis.call('HGET', job, field) end
    values[i] = held[field]
  end
  return values
end

-- write sets fields of the job: each name is followed by its value.
local function write(...)
  local fields = { ... }
  for i = 1, #fields, 2 do
    held[fields[i]] = fields[i + 1]
    dirty[fields[i]] = true
  end
end

-- erase removes fields of the job.
local function erase(...)
  for _, field in ipairs({ ... }) do
    if held[field] or (held[field] == nil and not whole) then dirty[field] = true end
    held[field] = false
  end
end

-- record returns the commands that write what held fields have come to, nil where
-- there is nothing to write.
local function record()
  local set, gone = { 'HSET', job }, { 'HDEL', job }
  for field in pairs(dirty) do
    if held[field] then
      set[#set + 1] = field
      set[#set + 1] = held[field]
    else
      gone[#gone + 1] = field
    end
  end
  if held.undone and held.undone ~= '' then
    set[#set + 1] = 'undone'
    set[#set + 1] = ''
  end
  return #set > 2 and set or nil, #gone > 2 and gone or nil
end

-- commit writes everything that the script has noted and returns `reply`, or the
-- error of a command that failed before the record was written: then the job is as
-- it was. It is the last thing that a script does.
local function commit(reply)
  if older > mostUndone then return { err = problem } end
  local set, gone = record()
  if set then before(set) end
  if gone then table.insert(rest, 1, gone) end
  for i, step in ipairs(first) do
    local done = redis.pcall(unpack(step[1]))
    if failed(done) then
      for k = i - 1, 1, -1 do
        if first[k][2] then redis.pcall(unpack(first[k][2])) end
      end
      return done
    end
  end
  local left = perform(rest)
  local ended = held.state and not open[held.state]
  if #left > 0 then
    redis.pcall('HSET', job, 'undone', list(left))
    if ended then redis.pcall('ZADD', due, int(now + 1000), id) end
  elseif ended then
    redis.pcall('ZREM', due, id)
  end
  for _, field in ipairs(emptied) do
    local n = redis.pcall('HGET', counters, field)
    if type(n) == 'string' and tonumber(n) <= 0 then redis.pcall('HDEL', counters, field) end
  end
  for _, message in ipairs(wakes) do redis.pcall('PUBLISH', message[1], message[2]) end
  return reply
end

-- number takes the job's next sequence number. A stream that is ahead of the record was
-- written by a script of an earlier version, which failed before it came to the record.
local last
local function number()
  if not last then
    last = tonumber(read('seq')[1] or 0)
    if not survey() then last = math.max(last, newest) end
  end
  last = last + 1
  write('seq', int(last))
  return last
end

-- log appends an event to the job's log under the next sequence number. The newest
-- entries, and so the terminal event, are always kept.
local function log(kind, attempt, data)
  local seq = number()
  after('RPUSH', events, table.concat({ int(seq), attempt, int(now), kind, data }, ' '))
  return seq
end

-- emit appends an event to the job's log and wakes the watchers of the job.
local function emit(kind, attempt, data)
  local seq = log(kind, attempt, data)
  wake(events, kind)
  return seq
end

-- log_all appends what an attempt has done to the job's log: the arguments from
-- `from` on, each time the type and the data of an event that changes no state.
-- It wakes nobody: another event follows. It returns the last sequence number.
local function log_all(attempt, from)
  local seq
  for i = from, #ARGV, 2 do seq = log(ARGV[i], attempt, ARGV[i + 1]) end
  return seq
end

-- waits are the states in which a job counts towards its tenant's quota.
local waits = { scheduled = true, queued = true }

-- count keeps the number of the tenant's jobs that wait, in the counter
-- waiting:<tenant>, which is there only while some do. A job knows whether it is
-- counted: jobs from before there was a quota are not.
local function count(state, tenant, counted)
  if waits[state] and not counted then
    after('HINCRBY', counters, 'waiting:' .. tenant, '1')
    write('counted', '1')
  elseif counted and not waits[state] then
    after('HINCRBY', counters, 'waiting:' .. tenant, '-1')
    emptied[#emptied + 1] = 'waiting:' .. tenant
    erase('counted')
  end
end

-- mark_of returns where in `waiting` the job is by its agent, which stands before anything
-- a caller chooses in spec.
local function mark_of(place)
  local lane, since = string.match(place, '^(%w+)%.[^:]*(:.*)$')
  return lane .. '/' .. (string.match(read('spec')[1] or '', '"agent":"([^"]*)"') or '') .. since
end

-- enter moves the job into a state: field, counters, event and outbox entry.
local function enter(state, data)
  local r = read('state', 'attempt', 'tenant', 'callback', 'place', 'counted')
  local was, attempt, tenant, callback, place = r[1], r[2] or '0', r[3] or '', r[4] or '0', r[5]
  write('state', state)
  if was and open[was] then after('HINCRBY', counters, 'now:' .. was, '-1') end
  if open[state] then after('HINCRBY', counters, 'now:' .. state, '1') end
  after('HINCRBY', counters, 'total:' .. state, '1')
  count(state, tenant, r[6])
  if place then
    after('ZREM', waiting, place, mark_of(place))
    erase('place', 'mark') -- a version before this one wrote the mark, too
  end
  local seq = emit('job.' .. state, attempt, data)
  after('XADD', outbox, '*', 'job', id, 'tenant', tenant, 'type', 'job.' .. state,
    'seq', int(seq), 'attempt', attempt, 'at', int(now), 'callback', callback)
  return seq
end

-- lane is where the job waits: the first of its lanes that has not given up on
-- this run, or 'shared' while it waits for an equal job's result.
local function lane()
  local r = read('lanes', 'exhausted', 'follows')
  if r[3] then return 'shared' end
  local spent = ',' .. (r[2] or '') .. ','
  for l in string.gmatch(r[1] or '', '[^,]+') do
    if not string.find(spent, ',' .. l .. ',', 1, true) then return l end
  end
  return 'none'
end

-- place_since returns where in `waiting` the job is by its queue, if it waits since that
-- time.
local function place_since(since) return lane() .. '.' .. read('complexity')[1] .. ':' .. since .. ':' .. id end

-- due_at has the watchdog look at the job at a time. It comes before the record: a
-- look too many does no harm, and one too few leaves a job alone.
local due_was -- its due time so far, where the script has read it
local function due_at(time)
  before({ 'ZADD', due, int(time), id }, due_was and { 'ZADD', due, due_was, id } or nil)
end

-- look has the watchdog look at the job in `later` ms, or at its deadline if that comes
-- first, or at its spill time, at which the watchdog issues the second lane's ticket.
local function look(later)
  local deadline, spill = unpack(read('deadline', 'spill'))
  local at = math.min(now + later, math.max(tonumber(deadline), now))
  if tonumber(spill or 0) > now then at = math.min(at, tonumber(spill)) end
  due_at(at)
end

-- enqueue makes the job claimable, notes where it waits, and has the watchdog
-- look at it in `later` ms, as by look. The field complexity holds the job's line: its
-- complexity, with the mark of a priority that is not normal. The token stays: a
-- claim that comes once more after its attempt is over must not take the job again.
local function enqueue(later, data)
  erase('worker', 'lease')
  local seq = enter('queued', data)
  local place = place_since(int(now))
  after('ZADD', waiting, '0', place, '0', mark_of(place))
  write('place', place)
  look(tonumber(later))
  return seq
end

-- finish moves the job into a terminal state and starts its retention. Of an attempt
-- the record keeps what others may ask for.
local function finish(state, data)
  erase('token', 'lease', 'worker', 'claimed', 'claimed_at')
  local keep = tonumber(read('retention')[1])
  write('ended', int(now), 'expires', int(now + keep))
  local seq = enter(state, data)
  for k = 1, 4 do after('PEXPIREAT', KEYS[k], int(now + keep)) end
  after('ZADD', KEYS[9], int(now + keep), id .. ' ' .. read('tenant')[1])
  return seq
end

-- fenced returns nil when `attempt` owns the job, so that it may write. If it
-- has already settled the job by this same `step` (the reply was lost and the
-- call came again) it returns {'ok', …}; otherwise {'stale', state}: the write
-- is refused.
local function fenced(attempt, step)
  local r = read('state', 'attempt', 'settled', 'seq')
  local state, current, settled, seq = r[1], r[2], r[3], r[4]
  if state == 'running' and current == attempt then return nil end
  if step and settled == attempt .. ':' .. step then return { 'ok', seq } end
  return { 'stale', state or 'unknown' }
end

-- note adds to the record of what candidates did: `records` is a run of JSON
-- objects, comma-separated, '' for none. Of a record that has grown too long (a
-- job may wait for days and try again and again) the oldest are dropped. '},{"'
-- stands between objects only: within a string the quote would be escaped.
local function note(records)
  if records == '' then return end
  local all = read('attempts')[1]
  all = all and all .. ',' .. records or records
  if #all > 32768 then
    local gap = string.find(all, '},{"', #all - 32768, true)
    all = gap and string.sub(all, gap + 2) or records
  end
  write('attempts', all)
end

-- repeated reports whether this very call was here before: its reply was lost,
-- or the network has delivered it twice. Of each kind of call the last one that
-- did something is remembered, by its token.
local function repeated(kind, token)
  return read('last_' .. kind)[1] == token
end

-- remember makes this call the last one of its kind.
local function remember(kind, token)
  write('last_' .. kind, token)
end

-- cut notes an attempt that was ended from outside and could not say so itself.
local function cut(outcome)
  local r = read('attempt', 'lane', 'worker', 'claimed', 'claimed_at')
  note(cjson.encode({ number = tonumber(r[1]), lane = r[2], worker = r[3], candidate = '', outcome = outcome,
    started_at = r[5], duration_ms = now - tonumber(r[4]) }))
end

-- settle notes that the attempt has said its last word, and what its candidates
-- did.
local function settle(attempt, step, records)
  write('settled', attempt .. ':' .. step)
  note(records)
end
