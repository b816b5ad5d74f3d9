import { z } from 'zod';
import { choice, parsedBy, type Values } from './fields.js';

const QUEUES = ['memory', 'redis'] as const;

/** Where jobs wait and are recorded. */
export const queueVariables = {
  QUEUE: choice(QUEUES).default('memory').describe(QUEUES.join(' or ')),
  REDIS_URL: parsedBy(parseRedisUrl)
    .optional()
    .describe('redis://host:port or rediss://host:port, with user:password@ before and /database behind it'),
  // No braces: what is between the first two decides where a key lies in a cluster.
  REDIS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_.:-]{1,128}$/)
    .default('comfyui-express')
    .describe('letters, digits and -_.: that keys begin with'),
};

export const queueConfig = (env: Values<typeof queueVariables>) => ({
  kind: env.QUEUE,
  /** With its password. Has a value where the kind is `redis`. */
  redisUrl: env.REDIS_URL ?? '',
  /** What all keys begin with. */
  redisPrefix: env.REDIS_PREFIX,
});

/** A query would set options of the client that the server counts on. */
function parseRedisUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, pathname, search, hash } = new URL(text);
  const isRedis = protocol === 'redis:' || protocol === 'rediss:';
  const isPlain = hostname !== '' && /^(\/\d*)?$/.test(pathname) && search === '' && hash === '';
  return isRedis && isPlain ? text : undefined;
}
