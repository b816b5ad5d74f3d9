import type { Redis } from 'ioredis';

/** BullMQ needs no newer one; `ZMSCORE` is as new. */
const OLDEST = [6, 2] as const;

/**
 * Looks whether jobs are safe in this Redis.
 * @throws Error that says what is wrong with it, and what the client rejects with
 */
export async function checkRedis(redis: Redis): Promise<void> {
  // Valkey tells the version of Redis that it is compatible with.
  const version = field(await redis.info('server'), 'redis_version');
  const problem = versionProblem(version) ?? policyProblem(await maxmemoryPolicy(redis));
  if (problem !== undefined) throw new Error(problem);
}

/** Why this version cannot be used, if it cannot. */
export function versionProblem(version = 'unknown'): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  return isNew ? undefined : `its version is ${version}; ${OLDEST.join('.')} or newer is needed`;
}

function policyProblem(policy = 'unknown'): string | undefined {
  if (policy === 'noeviction') return undefined;
  return `its maxmemory-policy is ${policy}: when memory is short it would drop jobs. Set it to noeviction`;
}

/** Services that are managed often forbid CONFIG. */
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
