import { z } from 'zod';
import { choice, parsedBy, type Values } from './fields.js';

const QUEUES = ['memory', 'redis'] as const;

/** Where jobs are queued and recorded. */
export const queueVariables = {
  QUEUE: choice(QUEUES).default('memory').describe(QUEUES.join(' or ')).meta({
    meaning:
      'Where jobs are queued and stored: `memory`, or `redis`, where they survive a restart and several servers can share them. `redis` needs `ASSET_STORE` `disk` or `s3`.',
  }),
  REDIS_URL: parsedBy(parseRedisUrl)
    .optional()
    .describe(
      'redis://host:port or rediss://host:port, optionally with user:password@ before the host and /database at the end',
    )
    .meta({
      meaning:
        'Redis (6.2 or newer) for `QUEUE=redis`, such as `rediss://user:password@host:6379/0`. Its `maxmemory-policy` must be `noeviction`. Never logged.',
    }),
  // No braces: a cluster uses the text between the first two as the hash tag.
  REDIS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_.:-]{1,128}$/)
    .default('comfyui-express')
    .describe('a prefix of letters, digits and -_.:')
    .meta({ meaning: 'Prefix of all Redis keys. Servers with the same prefix share their jobs.' }),
};

export const queueConfig = (env: Values<typeof queueVariables>) => ({
  kind: env.QUEUE,
  /** With its password. Not empty if the kind is `redis`. */
  redisUrl: env.REDIS_URL ?? '',
  /** Prefix of all keys. */
  redisPrefix: env.REDIS_PREFIX,
});

/** Rejects URLs with a query, which would override options of the client that the server relies on. */
function parseRedisUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, pathname, search, hash } = new URL(text);
  const isRedis = protocol === 'redis:' || protocol === 'rediss:';
  const isPlain = hostname !== '' && /^(\/\d*)?$/.test(pathname) && search === '' && hash === '';
  return isRedis && isPlain ? text : undefined;
}
