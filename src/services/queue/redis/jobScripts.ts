import { LuaScript } from './LuaScript.js';

/**
 * Scripts that change a record and its indexes atomically. KEYS[1] is the job's key, ARGV[1] the prefix of all keys,
 * ARGV[2] the job's id. All keys are in one slot of a cluster, so that scripts may construct those of the indexes.
 * ¶ A record's first line has its index terms (`jobRecord.ts`). For each term except `workflow:` there is a sorted
 * set `jobs:<term>` of ids, and in the hash `jobs:counts` their number (not by owner, because there may be many, nor
 * by webhook, whose index others change). For `workflow:<name>` the hash `workflows` counts the jobs that need the
 * definition.
 */
const WORDS = `
local base, id = ARGV[1], ARGV[2]

local function words(record)
  local found = {}
  for word in string.gmatch(string.match(record, '^[^\\n]*'), '%S+') do found[word] = true end
  return found
end

-- A damaged number is replaced by what the index has; jobs that need a definition have none, so it counts as needed by all.
local function count(hash, word, by)
  local now = redis.pcall('HINCRBY', base .. hash, word, by)
  if type(now) == 'table' then
    local index = hash == ':workflows' and ':jobs' or ':jobs:' .. word
    now = redis.call('ZCARD', base .. index)
    redis.call('HSET', base .. hash, word, now)
  end
  if now <= 0 then redis.call('HDEL', base .. hash, word) end
  return now
end

local function isCounted(facet)
  return facet ~= 'owner' and facet ~= 'webhook'
end

local function enter(word, place)
  local facet = string.match(word, '^(%a+):')
  if facet == 'workflow' then
    count(':workflows', word, 1)
    redis.call('PERSIST', base .. ':' .. word)
  elseif redis.call('ZADD', base .. ':jobs:' .. word, place, id) == 1 and isCounted(facet) then
    count(':jobs:counts', word, 1)
  end
end

local function leave(word)
  local facet = string.match(word, '^(%a+):')
  if facet == 'workflow' then
    if count(':workflows', word, -1) <= 0 then redis.call('PEXPIRE', base .. ':' .. word, 60000) end
  elseif facet and redis.call('ZREM', base .. ':jobs:' .. word, id) == 1 and isCounted(facet) then
    count(':jobs:counts', word, -1)
  end
end
`;

/**
 * ARGV[3] the record, ARGV[4] the definition of its workflow or nothing. Returns 0 if the definition is needed and
 * neither stored nor given; otherwise 1, even if the job already exists.
 */
export const INSERT_JOB = new LuaScript(`${WORDS}
if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
local found = words(ARGV[3])
for word in pairs(found) do
  if string.sub(word, 1, 9) == 'workflow:' and redis.call('EXISTS', base .. ':' .. word) == 0 then
    if ARGV[4] == '' then return 0 end
    redis.call('SET', base .. ':' .. word, ARGV[4])
  end
end
local place = redis.pcall('INCR', base .. ':jobs:sequence')
if type(place) == 'table' then
  local last = redis.call('ZRANGE', base .. ':jobs', -1, -1, 'WITHSCORES')
  place = (tonumber(last[2]) or 0) + 1
  redis.call('SET', base .. ':jobs:sequence', string.format('%.0f', place))
end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('ZADD', base .. ':jobs', place, id)
for word in pairs(found) do enter(word, place) end
return 1
`);

/**
 * ARGV[3] the new record, ARGV[4] the one that it is based on, ARGV[5] when the job finished or nothing. Returns 1;
 * or, without a change, 0 if the job is gone, or the current record.
 */
export const UPDATE_JOB = new LuaScript(`${WORDS}
local stored = redis.call('GET', KEYS[1])
if not stored then return 0 end
if stored ~= ARGV[4] then return stored end
redis.call('SET', KEYS[1], ARGV[3])
local before, after = words(stored), words(ARGV[3])
local place
for word in pairs(before) do
  if not after[word] then leave(word) end
end
for word in pairs(after) do
  if not before[word] then
    place = place or redis.call('ZSCORE', base .. ':jobs', id)
    if place then enter(word, place) end
  end
end
if ARGV[5] ~= '' then redis.call('ZADD', base .. ':jobs:finished', ARGV[5], id) end
return 1
`);

/** Returns the record, or nothing. Also removes the remains of a job whose record is gone. */
export const DELETE_JOB = new LuaScript(`${WORDS}
local stored = redis.call('GET', KEYS[1])
redis.call('ZREM', base .. ':jobs', id)
redis.call('ZREM', base .. ':jobs:finished', id)
if not stored then return false end
redis.call('DEL', KEYS[1])
for word in pairs(words(stored)) do leave(word) end
return stored
`);

/** The records of some ids, in order; false for a missing one. */
const RECORDS = `
local base = ARGV[1]

local function records(ids)
  local all = {}
  for at = 1, #ids, 1000 do
    local keys = {}
    for n = at, math.min(at + 999, #ids) do keys[#keys + 1] = base .. ':job:' .. ids[n] end
    for _, record in ipairs(redis.call('MGET', unpack(keys))) do all[#all + 1] = record end
  end
  return all
end
`;

/**
 * A page of an index, newest first: KEYS[1] the index, ARGV[2] offset, ARGV[3] limit. Returns the total number, the
 * page's ids and their records.
 */
export const JOBS_PAGE = new LuaScript(`${RECORDS}
local offset, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
local ids = {}
if limit > 0 then ids = redis.call('ZREVRANGE', KEYS[1], offset, offset + limit - 1) end
return { redis.call('ZCARD', KEYS[1]), ids, records(ids) }
`);

/**
 * A part of a page of the intersection of several indexes, newest first: it walks through the smallest one. KEYS are
 * the indexes, ARGV[2] how many to skip, ARGV[3] limit, ARGV[4] where to start. Returns how many it found, ids and
 * records of those within the page, and where to continue, if there is more: the caller calls again, and others get
 * their turn in between.
 */
export const JOBS_IN_COMMON = new LuaScript(`${RECORDS}
local offset, limit, from = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local sizes, others = {}, {}
for n, index in ipairs(KEYS) do
  sizes[index] = redis.call('ZCARD', index)
  others[n] = index
end
table.sort(others, function(a, b) return sizes[a] < sizes[b] end)
local smallest = table.remove(others, 1)

local found, ids = 0, {}
for _ = 1, 4 do
  local some = redis.call('ZREVRANGEBYSCORE', smallest, from, '-inf', 'LIMIT', 0, 1000)
  local isLast = #some < 1000
  if not isLast then from = '(' .. redis.call('ZSCORE', smallest, some[#some]) end
  for _, index in ipairs(others) do
    local both = {}
    if #some > 0 then
      for n, place in ipairs(redis.call('ZMSCORE', index, unpack(some))) do
        if place then both[#both + 1] = some[n] end
      end
    end
    some = both
  end
  for _, id in ipairs(some) do
    if found >= offset and #ids < limit then ids[#ids + 1] = id end
    found = found + 1
  end
  if isLast then return { found, ids, records(ids), false } end
end
return { found, ids, records(ids), from }
`);
