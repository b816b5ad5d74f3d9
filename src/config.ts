import { z } from 'zod';
import { parseApiKeys } from './utils/apiKeys.js';
import { type InstanceAddress, parseInstances } from './utils/instanceUrls.js';
import { splitList } from './utils/lists.js';
import { MAX_TIMER_MS } from './utils/timers.js';
import { parseTrustProxy } from './utils/trustProxy.js';

const MIB = 1024 * 1024;
const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/webp'] as const;
const IMAGE_INPUTS = ['upload', 'base64'] as const;
const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

const integer = (fallback: number, min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .refine((n) => n >= min && n <= max)
    .default(fallback)
    .describe(`a whole number from ${min} to ${max}`);

const bytes = (fallback: number) => integer(fallback, 1, Number.MAX_SAFE_INTEGER);
const milliseconds = (fallback: number, min = 1) => integer(fallback, min, MAX_TIMER_MS);

const flag = (fallback: boolean) =>
  z
    .string()
    .toLowerCase()
    .refine((value) => ['true', 'false', '1', '0', 'yes', 'no', 'on', 'off'].includes(value))
    .transform((value) => ['true', '1', 'yes', 'on'].includes(value))
    .default(fallback)
    .describe('true or false');

const webhookSecret = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/)
  .optional()
  .describe('whsec_ and 24 to 64 bytes in base64');

const header = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+:\s*[\x20-\x7e]+$/)
  .transform((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
  })
  .optional()
  .describe('one header as "Name: value"');

const imageTypes = z
  .string()
  .transform((list) => [...new Set(splitList(list.toLowerCase()))])
  .pipe(z.array(z.enum(IMAGE_TYPES)).min(1))
  .default(['image/png', 'image/jpeg'])
  .describe(`a comma-separated list of ${IMAGE_TYPES.join(', ')}`);

/** A variable that is read by a function, which gives undefined for what it does not take. */
const parsedBy = <T>(parse: (text: string) => T | undefined) =>
  z.string().transform((text, context) => {
    const value = parse(text);
    if (value === undefined) context.addIssue('is not valid');
    return value ?? z.NEVER;
  });

/** `*`, or origins as browsers send them: scheme, host and port, no path. */
function parseOrigins(text: string): '*' | string[] | undefined {
  if (text === '*') return '*';
  const origins = splitList(text);
  const areOrigins = origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin);
  return areOrigins && origins.length > 0 ? origins : undefined;
}

/** An http(s) URL without credentials, query or fragment; given without a slash at its end. */
function parsePublicUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!['http:', 'https:'].includes(url.protocol) || !isPlain) return undefined;
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** Variables for which an empty value has a meaning of its own. */
const MAY_BE_EMPTY: ReadonlySet<string> = new Set(['LOG_DIR', 'STATE_DIR']);

/** Every variable that the server reads. The documents are held against its keys by a test. */
export const environmentSchema = z.object({
  PORT: integer(3000, 0, 65_535),
  HOST: z.string().default('0.0.0.0').describe('an address or host name to listen on'),
  LOG_LEVEL: z
    .string()
    .toLowerCase()
    .pipe(z.enum(LOG_LEVELS))
    .default('info')
    .describe(LOG_LEVELS.join(', ')),
  LOG_DIR: z.string().default('./data/logs').describe('a folder, or nothing for the console only'),
  COMFYUI_HOST: z
    .string()
    .default('127.0.0.1:8188')
    .describe('comma-separated host[:port] or URLs, each once, IPv6 in brackets'),
  COMFYUI_USE_SSL: flag(false),
  COMFYUI_KEEP_HISTORY: flag(false),
  COMFYUI_IMAGE_INPUT: z
    .string()
    .toLowerCase()
    .pipe(z.enum(IMAGE_INPUTS))
    .default('upload')
    .describe(IMAGE_INPUTS.join(' or ')),
  COMFYUI_AUTH_HEADER: header,
  OUTPUT_FILES: flag(false),
  OUTPUT_DIR: z.string().min(1).default('./data/outputs').describe('a folder'),
  OUTPUT_FILES_TTL: integer(0, 0, Number.MAX_SAFE_INTEGER),
  STATE_DIR: z.string().default('./data/state').describe('a folder, or nothing to keep no state'),
  MAX_CONNECTIONS_PER_INSTANCE: integer(3, 1, 10),
  MAX_CONCURRENT_JOBS: integer(4, 1, 10_000),
  MAX_JOBS_PER_INSTANCE: integer(2, 1, 1000),
  MAX_QUEUE_SIZE: integer(1000, 1, 10_000_000),
  MAX_QUEUE_MEMORY: bytes(512 * MIB),
  MAX_RESULT_MEMORY: bytes(512 * MIB),
  MAX_FILE_SIZE: bytes(10 * MIB),
  MAX_IMAGE_PIXELS: bytes(64_000_000),
  MAX_OUTPUT_PIXELS: bytes(268_435_456),
  MAX_RESULT_SIZE: bytes(256 * MIB),
  MAX_UPLOAD_MEMORY: bytes(1024 * MIB),
  UPLOAD_TIMEOUT: milliseconds(300_000),
  MIN_TRANSFER_RATE: integer(4096, 0, 1_000_000_000),
  MAX_OPEN_REQUESTS_PER_CLIENT: integer(256, 1, 1_000_000),
  ALLOWED_IMAGE_TYPES: imageTypes,
  JOB_TIMEOUT: milliseconds(300_000),
  JOB_QUEUE_TIMEOUT: milliseconds(0, 0),
  SYNC_TIMEOUT: milliseconds(300_000),
  JOB_MAX_ATTEMPTS: integer(3, 1, 100),
  JOB_CLEANUP_INTERVAL: milliseconds(600_000),
  JOB_PROCESSING_INTERVAL: milliseconds(1000, 10),
  HEALTH_CHECK_INTERVAL: milliseconds(30_000, 100),
  HEALTH_CHECK_TIMEOUT: milliseconds(5000, 10),
  BREAKER_FAILURE_THRESHOLD: integer(3, 1, 1000),
  BREAKER_RESET_TIMEOUT: milliseconds(15_000),
  BREAKER_MAX_RESET_TIMEOUT: milliseconds(120_000),
  SHUTDOWN_TIMEOUT: milliseconds(30_000, 0),
  API_KEYS: parsedBy(parseApiKeys)
    .optional()
    .describe('comma-separated key, name:key or name:scope:key, each key once and of at least 16 characters'),
  CORS_ORIGINS: parsedBy(parseOrigins)
    .optional()
    .describe('*, or comma-separated origins such as https://app.example.com'),
  ALLOWED_HOSTS: z.string().transform(splitList).default([]).describe('comma-separated host names'),
  PUBLIC_URL: parsedBy(parsePublicUrl)
    .optional()
    .describe('the http or https URL under which clients reach the server'),
  RATE_LIMIT_PER_MINUTE: integer(0, 0, 1_000_000_000),
  TRUST_PROXY: parsedBy(parseTrustProxy)
    .default(false)
    .describe('false, a number of proxies from 1 to 16, or comma-separated addresses, subnets, loopback'),
  WEBHOOK_SECRET: webhookSecret,
  WEBHOOK_ALLOWED_HOSTS: z
    .string()
    .transform(splitList)
    .default([])
    .describe('comma-separated host names and addresses'),
  INPUT_URL_ALLOWED_HOSTS: z
    .string()
    .transform(splitList)
    .default([])
    .describe('comma-separated host names and addresses'),
  INPUT_URL_TIMEOUT: milliseconds(30_000, 100),
  METRICS_FILE_PATH: z.string().min(1).default('./data/metrics/metrics.json').describe('a file'),
  METRICS_SAVE_INTERVAL: milliseconds(300_000, 0),
});

/** Variables whose values are never written anywhere. */
const SECRETS: ReadonlySet<string> = new Set(['COMFYUI_AUTH_HEADER', 'API_KEYS', 'WEBHOOK_SECRET']);

type Environment = z.output<typeof environmentSchema>;

/** The server's whole configuration; sizes in bytes, times in milliseconds. */
export type Config = Readonly<Environment & { INSTANCES: readonly InstanceAddress[] }>;

/** A start that cannot go on: its message names every bad variable, what it was and what it takes. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads the configuration from environment variables. An empty variable counts as not set, except for `LOG_DIR`
 * and `STATE_DIR`, where it means "no files".
 * @throws ConfigError that names all bad variables at once
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given: Record<string, string> = {};
  for (const key of Object.keys(environmentSchema.shape)) {
    const value = env[key]?.trim();
    if (value !== undefined && (value !== '' || MAY_BE_EMPTY.has(key))) given[key] = value;
  }
  const parsed = environmentSchema.safeParse(given);
  const problems = parsed.success ? [] : describeIssues(parsed.error, given);
  const hosts = collectHosts(env);
  const instances = parseInstances(hosts, parsed.success && parsed.data.COMFYUI_USE_SSL);
  if ('problem' in instances) problems.push(`COMFYUI_HOST: ${instances.problem}`);
  else if (parsed.success) problems.push(...authorizationConflict(parsed.data, instances.addresses));
  if (parsed.success) problems.push(...crossChecks(parsed.data));
  if (!parsed.success || 'problem' in instances || problems.length > 0) {
    throw new ConfigError(`Bad configuration:\n${problems.map((line) => `  ${line}`).join('\n')}`);
  }
  return Object.freeze({ ...parsed.data, INSTANCES: Object.freeze(instances.addresses) });
}

/** `COMFYUI_HOST` first, then `COMFYUI_HOST_1`, `_2`, … by number. */
function collectHosts(env: Readonly<Record<string, string | undefined>>): string {
  const numbered = Object.keys(env)
    .filter((key) => /^COMFYUI_HOST_\d+$/.test(key) && env[key]?.trim())
    .sort((a, b) => Number(a.slice(13)) - Number(b.slice(13)))
    .map((key) => env[key]);
  const all = [env['COMFYUI_HOST'], ...numbered].filter((value) => value?.trim());
  return all.length > 0 ? all.join(',') : '127.0.0.1:8188';
}

function describeIssues(error: z.ZodError, given: Record<string, string>): string[] {
  const names = [...new Set(error.issues.map((issue) => String(issue.path[0])))];
  return names.map((name) => {
    const takes = environmentSchema.shape[name as keyof Environment].description;
    // The message says that a secret is wrong, never what it was.
    const was = SECRETS.has(name) ? 'something else' : JSON.stringify(withoutCredentials(given[name] ?? ''));
    return `${name}: takes ${takes}, but was ${was}`;
  });
}

/** A value that may be a URL, or a list of them, without anything that may be a user's name and password. */
function withoutCredentials(text: string): string {
  return text.replace(/^.*@/s, '…@');
}

/** A machine cannot be sent both the common header and the one of its URL. */
function authorizationConflict(
  { COMFYUI_AUTH_HEADER: header }: Environment,
  addresses: readonly InstanceAddress[],
): string[] {
  const hasCredentials = addresses.some(({ headers }) => headers !== undefined);
  if (header?.name.toLowerCase() !== 'authorization' || !hasCredentials) return [];
  return ['COMFYUI_AUTH_HEADER: takes no Authorization header when COMFYUI_HOST has a URL with credentials'];
}

function crossChecks(env: Environment): string[] {
  const problems: string[] = [];
  const atLeast = (larger: keyof Environment, smaller: keyof Environment, why: string) => {
    if (Number(env[larger]) < Number(env[smaller])) {
      problems.push(
        `${larger}: takes at least ${smaller} (${env[smaller]}) ${why}, but was ${JSON.stringify(String(env[larger]))}`,
      );
    }
  };
  atLeast('BREAKER_MAX_RESET_TIMEOUT', 'BREAKER_RESET_TIMEOUT', 'as the reset time grows up to it');
  atLeast('MAX_RESULT_MEMORY', 'MAX_RESULT_SIZE', 'so that one result fits');
  atLeast('MAX_QUEUE_MEMORY', 'MAX_FILE_SIZE', 'so that one upload fits');
  // A form is a little larger than the image in it.
  atLeast('MAX_UPLOAD_MEMORY', 'MAX_FILE_SIZE', 'so that one upload fits');
  return problems;
}
