import type { Redis } from 'ioredis';

/** BullMQ needs no newer version; `ZMSCORE` requires this one. */
const OLDEST = [6, 2] as const;

/**
 * Checks whether jobs are safe in this Redis.
 * @throws Error with the problem, and the rejection of the client
 */
export async function checkRedis(redis: Redis): Promise<void> {
  // Valkey reports the version of Redis that it is compatible with.
  const version = field(await redis.info('server'), 'redis_version');
  const problem = versionProblem(version) ?? policyProblem(await maxmemoryPolicy(redis));
  if (problem !== undefined) throw new Error(problem);
}

/** Returns why this version cannot be used; `undefined` if it can. */
export function versionProblem(version = 'unknown'): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  return isNew ? undefined : `its version is ${version}; version ${OLDEST.join('.')} or newer is required`;
}

function policyProblem(policy = 'unknown'): string | undefined {
  if (policy === 'noeviction') return undefined;
  return `its maxmemory-policy is ${policy}: it would drop jobs when memory is short. Set it to noeviction`;
}

/** Managed services often forbid CONFIG. */
async function maxmemoryPolicy(redis: Redis): Promise<string | undefined> {
  try {
    const answer = await redis.config('GET', 'maxmemory-policy');
    const policy: unknown = Array.isArray(answer) ? answer[1] : undefined;
    if (typeof policy === 'string') return policy;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
  }
  return field(await redis.info('memory'), 'maxmemory_policy');
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
