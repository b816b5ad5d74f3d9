/** The scripts as commands of the client: it sends each by its hash, and whole where Redis does not know it. */
import type { ClientContext, Result } from 'ioredis';
import { IDEMPOTENCY_SCRIPTS } from './idempotencyScripts.js';
import { JOB_SCRIPTS } from './jobScripts.js';

/** Where it is not one; undefined where each call says. */
const KEYS: ReadonlyMap<string, number | undefined> = new Map([
  ['idempotencyClaim', 2],
  ['idempotencyIntend', 2],
  ['idempotencyKeep', 3],
  ['idempotencyRelease', undefined],
  ['jobCommon', undefined],
]);

/** For the client's option of this name. */
export const REDIS_COMMANDS: Record<string, { lua: string; numberOfKeys?: number | undefined }> =
  Object.fromEntries(
    Object.entries({ ...JOB_SCRIPTS, ...IDEMPOTENCY_SCRIPTS }).map(([name, lua]) => [
      name,
      { lua, numberOfKeys: KEYS.has(name) ? KEYS.get(name) : 1 },
    ]),
  );

type Answer<Context extends ClientContext> = Result<unknown, Context>;

declare module 'ioredis' {
  interface RedisCommander<Context extends ClientContext> {
    jobInsert(key: string, base: string, id: string, record: string, definition: string): Answer<Context>;
    jobUpdate(
      key: string,
      base: string,
      id: string,
      record: string,
      expected: string,
      finishedTime: string,
    ): Answer<Context>;
    jobDelete(key: string, base: string, id: string): Answer<Context>;
    jobPage(index: string, base: string, offset: number, limit: number): Answer<Context>;
    /** @param rest the indexes, then what all keys begin with, how many to pass over, the limit, and where to begin */
    jobCommon(indexes: number, ...rest: Array<string | number>): Answer<Context>;
    idempotencyClaim(
      key: string,
      intentKey: string,
      claim: string,
      ms: number,
      own: string,
      fingerprint: string,
    ): Answer<Context>;
    idempotencyIntend(
      key: string,
      intentKey: string,
      claim: string,
      intent: string,
      ms: number,
    ): Answer<Context>;
    idempotencyRenew(key: string, claim: string, ms: number): Answer<Context>;
    idempotencyKeep(
      key: string,
      intentKey: string,
      jobKey: string,
      claim: string,
      made: string,
      ms: number,
    ): Answer<Context>;
    /** @param rest the keys, then the claim */
    idempotencyRelease(keys: number, ...rest: string[]): Answer<Context>;
    idempotencyForget(jobKey: string, made: string): Answer<Context>;
  }
}
