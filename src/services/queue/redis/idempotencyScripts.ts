import { LuaScript } from './LuaScript.js';

/**
 * KEYS[1] is the entry of a client's key: a claim (`claim <token> <fingerprint>`), or a job that was made
 * (`made <job id> <fingerprint>`).
 */

/** ARGV[1] the claim, ARGV[2] for how long, ms, ARGV[3] a claim that is as good. Returns what was there. */
export const CLAIM = new LuaScript(`
local entry = redis.call('GET', KEYS[1])
if entry and entry ~= ARGV[3] then return entry end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
`);

/** ARGV[1] the claim, ARGV[2] for how long, ms. Returns 1 while the claim is held. */
export const RENEW_CLAIM = new LuaScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** KEYS[2] the job's entry, ARGV[1] the claim, ARGV[2] what it becomes, ARGV[3] for how long, ms. */
export const KEEP_KEY = new LuaScript(`
local entry = redis.call('GET', KEYS[1])
if entry and entry ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('SET', KEYS[2], KEYS[1], 'PX', ARGV[3])
return 1
`);

/** ARGV[1] the claim. */
export const RELEASE_CLAIM = new LuaScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

/** KEYS[1] the job's entry, ARGV[1] what the entry of its key begins with. */
export const FORGET_KEY = new LuaScript(`
local key = redis.call('GET', KEYS[1])
if not key then return 0 end
local entry = redis.call('GET', key)
if entry and string.sub(entry, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', key) end
return redis.call('DEL', KEYS[1])
`);
