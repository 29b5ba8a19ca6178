-- Prelude of every job script. All of a job's scripts get the same first keys:
--   KEYS[1] job (hash)        KEYS[2] its events (stream)   KEYS[3] its input   KEYS[4] its result
--   KEYS[5] outbox (stream)   KEYS[6] due (zset: job ID by the time the watchdog must look at it)
--   KEYS[7] counters (hash)   KEYS[8] waiting (zset of places: "<lane>.<line>:<since>:<job ID>", all with score 0)
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

-- A script that begins by take, load or make holds fields of the job: it reads
-- them there, and what it writes stays there until record writes it all at once.
-- Every other script reads and writes each field where it stands.
local held          -- field → value, false where the job has none; nil: nothing is held
local dirty = {}    -- names of the held fields that are to be written
local whole = false -- the job has no fields but those that are held
local fresh = false -- the job is being made

-- take begins to hold fields, which it reads.
local function take(...)
  held = {}
  local values = redis.call('HMGET', job, ...)
  for i, field in ipairs({ ... }) do held[field] = values[i] end
end

-- load begins to hold all fields. It returns false if there is no such job.
local function load()
  held, whole = {}, true
  local all = redis.call('HGETALL', job)
  for i = 1, #all, 2 do held[all[i]] = all[i + 1] end
  return #all > 0
end

-- make begins to hold the fields of a job that is being made.
local function make(fields)
  held, whole, fresh = fields, true, true
  for field in pairs(fields) do dirty[field] = true end
end

-- read returns fields of the job, false for those that it does not have.
local function read(...)
  if not held then return redis.call('HMGET', job, ...) end
  local values = {}
  for i, field in ipairs({ ... }) do
    if held[field] == nil then held[field] = not whole and redis.call('HGET', job, field) end
    values[i] = held[field]
  end
  return values
end

-- write sets fields of the job: each name is followed by its value.
local function write(...)
  if not held then return redis.call('HSET', job, ...) end
  local fields = { ... }
  for i = 1, #fields, 2 do
    held[fields[i]] = fields[i + 1]
    dirty[fields[i]] = true
  end
end

-- erase removes fields of the job.
local function erase(...)
  if not held then return redis.call('HDEL', job, ...) end
  for _, field in ipairs({ ... }) do
    if held[field] or (held[field] == nil and not whole) then dirty[field] = true end
    held[field] = false
  end
end

-- record writes what held fields have come to. From here on a job that is being
-- made is there.
local function record()
  local set, gone = {}, {}
  for field in pairs(dirty) do
    if held[field] then
      set[#set + 1] = field
      set[#set + 1] = held[field]
    elseif not fresh then
      gone[#gone + 1] = field
    end
  end
  dirty, fresh = {}, false
  if #set > 0 then redis.call('HSET', job, unpack(set)) end
  if #gone > 0 then redis.call('HDEL', job, unpack(gone)) end
end

-- number takes the job's next sequence number.
local function number()
  if not held then return redis.call('HINCRBY', job, 'seq', 1) end
  local seq = tonumber(read('seq')[1] or 0) + 1
  write('seq', int(seq))
  return seq
end

-- log appends an event to the job's log under the next sequence number, which
-- is also its stream ID. The log is bounded; its newest entries, and so the
-- terminal event, are always kept.
local function log(kind, attempt, data)
  local seq = number()
  redis.call('XADD', events, 'MAXLEN', '~', '5000', int(seq) .. '-0',
    'type', kind, 'attempt', attempt, 'at', int(now), 'data', data)
  return seq
end

-- emit appends an event to the job's log and wakes whoever watches the job: nobody
-- watches one that is being made.
local function emit(kind, attempt, data)
  local seq = log(kind, attempt, data)
  if not fresh then redis.call('PUBLISH', events, kind) end
  return seq
end

-- tell appends what an attempt has done to the job's log: the arguments from
-- `first` on, each time the type and the data of an event that changes no state.
-- It wakes nobody: another event follows. It returns the last sequence number.
local function tell(attempt, first)
  local seq
  for i = first, #ARGV, 2 do seq = log(ARGV[i], attempt, ARGV[i + 1]) end
  return seq
end

-- waits are the states in which a job counts towards its tenant's quota.
local waits = { scheduled = true, queued = true }

-- full reports whether the tenant has as many jobs waiting in this shard as it may
-- have, 0 for any number.
local function full(tenant, quota)
  return tonumber(quota) > 0 and tonumber(redis.call('HGET', counters, 'waiting:' .. tenant) or 0) >= tonumber(quota)
end

-- count keeps the number of the tenant's jobs that wait, in the counter
-- waiting:<tenant>, which is there only while some do. A job knows whether it is
-- counted: jobs from before there was a quota are not.
local function count(state, tenant, counted)
  if waits[state] and not counted then
    redis.call('HINCRBY', counters, 'waiting:' .. tenant, 1)
    write('counted', '1')
  elseif counted and not waits[state] then
    if redis.call('HINCRBY', counters, 'waiting:' .. tenant, -1) <= 0 then
      redis.call('HDEL', counters, 'waiting:' .. tenant)
    end
    erase('counted')
  end
end

-- enter moves the job into a state: field, counters, event and outbox entry.
local function enter(state, data)
  local r = read('state', 'attempt', 'tenant', 'callback', 'place', 'counted')
  local was, attempt, tenant, callback, place = r[1], r[2] or '0', r[3] or '', r[4] or '0', r[5]
  write('state', state)
  if was and open[was] then redis.call('HINCRBY', counters, 'now:' .. was, -1) end
  if open[state] then redis.call('HINCRBY', counters, 'now:' .. state, 1) end
  redis.call('HINCRBY', counters, 'total:' .. state, 1)
  count(state, tenant, r[6])
  if place then
    redis.call('ZREM', waiting, place)
    erase('place')
  end
  local seq = emit('job.' .. state, attempt, data)
  redis.call('XADD', outbox, '*', 'job', id, 'tenant', tenant, 'type', 'job.' .. state,
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

-- look has the watchdog look at the job in `after` ms, or at its deadline if
-- that comes first.
local function look(after)
  local deadline = tonumber(read('deadline')[1])
  redis.call('ZADD', due, int(math.min(now + after, math.max(deadline, now))), id)
end

-- enqueue makes the job claimable, notes where it waits, and has the watchdog
-- look at it in `after` ms. The field complexity holds the job's line: its
-- complexity, with the mark of a priority that is not normal. The token stays: a
-- claim that comes once more after its attempt is over must not take the job again.
local function enqueue(after, data)
  erase('worker', 'lease')
  local seq = enter('queued', data)
  local place = lane() .. '.' .. read('complexity')[1] .. ':' .. int(now) .. ':' .. id
  redis.call('ZADD', waiting, '0', place)
  write('place', place)
  look(tonumber(after))
  return seq
end

-- finish moves the job into a terminal state and starts its retention.
local function finish(state, data)
  erase('token', 'lease')
  local keep = tonumber(read('retention')[1])
  write('ended', int(now), 'expires', int(now + keep))
  local seq = enter(state, data)
  record()
  redis.call('ZREM', due, id)
  for k = 1, 4 do redis.call('PEXPIRE', KEYS[k], int(keep)) end
  redis.call('ZADD', KEYS[9], int(now + keep), id .. ' ' .. read('tenant')[1])
  return seq
end

-- give ends the job with a result that no attempt of its own has brought: `by`
-- cache (of the job `as`, whose calls cost `saved` picodollars and `tokens`) or
-- fast_path.
local function give(by, result, as, saved, tokens)
  redis.call('SET', KEYS[4], result)
  write('degraded', '0', 'answered_by', by, 'settled', read('attempt')[1] .. ':' .. by)
  erase('follows')
  redis.call('HINCRBY', counters, 'total:' .. by, 1)
  if as ~= '' then
    write('answered_as', as, 'saved', saved)
    redis.call('HINCRBY', counters, 'saved:picodollars', saved)
    redis.call('HINCRBY', counters, 'saved:tokens', tokens)
  end
  return finish('succeeded', '{"degraded":false,"answered_by":"' .. by .. '"}')
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
  return redis.call('HGET', job, 'last_' .. kind) == token
end

-- remember makes this call the last one of its kind.
local function remember(kind, token)
  redis.call('HSET', job, 'last_' .. kind, token)
end

-- cut notes an attempt that was ended from outside and could not say so itself.
local function cut(outcome)
  local r = redis.call('HMGET', job, 'attempt', 'lane', 'worker', 'claimed', 'claimed_at')
  note(cjson.encode({ number = tonumber(r[1]), lane = r[2], worker = r[3], candidate = '', outcome = outcome,
    started_at = r[5], duration_ms = now - tonumber(r[4]) }))
end

-- settle notes that the attempt has said its last word, and what its candidates
-- did.
local function settle(attempt, step, records)
  write('settled', attempt .. ':' .. step)
  note(records)
end
