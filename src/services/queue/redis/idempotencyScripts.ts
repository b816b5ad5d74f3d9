import { LuaScript } from './LuaScript.js';

/**
 * KEYS[1] is the entry of a client's key: a claim (`claim <token> <fingerprint>`), or a created job (`made <job id>
 * <fingerprint>`). KEYS[2] of the first three is the intended job (`<fingerprint> <job id>`), which outlives the
 * claim.
 */

/**
 * ARGV[1] the claim, ARGV[2] its lifetime in ms, ARGV[3] an equivalent claim, ARGV[4] the fingerprint. Returns the
 * existing entry, or, in a list, the job that was intended before.
 */
export const CLAIM = new LuaScript(`
local entry = redis.call('GET', KEYS[1])
if entry and entry ~= ARGV[3] then return entry end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local intended = redis.call('GET', KEYS[2])
if intended and string.sub(intended, 1, #ARGV[4] + 1) == ARGV[4] .. ' ' then
  return { string.sub(intended, #ARGV[4] + 2) }
end
return false
`);

/**
 * ARGV[1] the claim, ARGV[2] the intended job, ARGV[3] its lifetime and ARGV[4] that of the claim in ms. Returns 1 while the
 * claim is held. One that has expired is renewed, unless somebody else has intended a job meanwhile.
 */
export const INTEND = new LuaScript(`
local entry = redis.call('GET', KEYS[1])
if entry and entry ~= ARGV[1] then return 0 end
if not entry then
  if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
`);

/** ARGV[1] the claim, ARGV[2] its lifetime in ms. Returns 1 while the claim is held. */
export const RENEW_CLAIM = new LuaScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/**
 * KEYS[3] the job's entry, ARGV[1] the claim, ARGV[2] the new entry, ARGV[3] its lifetime in ms, ARGV[4] the intended job. Returns
 * 1 if the key stands for the job; 0 if it belongs to somebody else, or somebody else has intended a job meanwhile.
 */
export const KEEP_KEY = new LuaScript(`
local entry = redis.call('GET', KEYS[1])
if entry == ARGV[2] then return 1 end
if entry and entry ~= ARGV[1] then return 0 end
local intended = redis.call('GET', KEYS[2])
if not entry and intended and intended ~= ARGV[4] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('SET', KEYS[3], KEYS[1], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
`);

/** ARGV[1] the claim. Also deletes KEYS[2], if given. */
export const RELEASE_CLAIM = new LuaScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', unpack(KEYS)) end
return 0
`);

/** KEYS[1] the job's entry, ARGV[1] the prefix of its key's entry. */
export const FORGET_KEY = new LuaScript(`
local key = redis.call('GET', KEYS[1])
if not key then return 0 end
local entry = redis.call('GET', key)
if entry and string.sub(entry, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', key) end
return redis.call('DEL', KEYS[1])
`);
