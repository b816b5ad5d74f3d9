/** Environment variables become the configuration here, and nowhere else. */
import { z } from 'zod';
import { type InstanceAddress, type InstanceList, parseInstances } from '../utils/instanceUrls.js';
import { accessConfig, accessVariables } from './access.js';
import { apiConfig, apiVariables } from './api.js';
import { assetConfig, assetVariables } from './assets.js';
import { jobConfig, jobVariables } from './jobs.js';
import { logConfig, logVariables } from './log.js';
import { machineConfig, machineVariables } from './machines.js';
import { metricsConfig, metricsVariables } from './metrics.js';
import { nativeConfig, nativeVariables } from './native.js';
import { outputConfig, outputVariables } from './outputs.js';
import { queueConfig, queueVariables } from './queue.js';
import { serverConfig, serverVariables } from './server.js';
import { tracingConfig, tracingVariables } from './tracing.js';
import { uploadConfig, uploadVariables } from './uploads.js';
import { webhookConfig, webhookVariables } from './webhooks.js';
import { workflowConfig, workflowVariables } from './workflows.js';

/** Variables for which an empty value has a meaning of its own. */
const MAY_BE_EMPTY: ReadonlySet<string> = new Set(['LOG_DIR', 'STATE_DIR', 'WORKFLOWS_DIR']);

/** Every variable that the server reads. A test compares the documents with its keys. */
export const environmentSchema = z.object({
  ...serverVariables,
  ...logVariables,
  ...machineVariables,
  ...jobVariables,
  ...uploadVariables,
  ...outputVariables,
  ...assetVariables,
  ...queueVariables,
  ...accessVariables,
  ...apiVariables,
  ...webhookVariables,
  ...metricsVariables,
  ...workflowVariables,
  ...nativeVariables,
  ...tracingVariables,
});

const NO_HOSTS: InstanceList = { addresses: [], names: [] };

/** Variables whose values are never shown or logged. */
export const SECRETS: ReadonlySet<string> = new Set([
  'COMFYUI_AUTH_HEADER',
  'API_KEYS',
  'REDIS_URL',
  'WEBHOOK_SECRET',
]);

type Environment = z.output<typeof environmentSchema>;

/** The server's whole configuration, by subject; sizes in bytes, times in milliseconds. */
export type Config = ReturnType<typeof nested>;

function nested(env: Environment, { addresses, names }: InstanceList) {
  return frozen({
    server: serverConfig(env),
    log: logConfig(env),
    machines: machineConfig(env, addresses, names),
    jobs: jobConfig(env),
    uploads: uploadConfig(env),
    outputs: outputConfig(env),
    assets: assetConfig(env),
    queue: queueConfig(env),
    access: accessConfig(env),
    api: apiConfig(env),
    webhooks: webhookConfig(env),
    metrics: metricsConfig(env),
    workflows: workflowConfig(env),
    native: nativeConfig(env),
    tracing: tracingConfig(env),
  });
}

function frozen<T extends Record<string, object>>(config: T): { readonly [K in keyof T]: Readonly<T[K]> } {
  for (const subject of Object.values(config)) Object.freeze(subject);
  return Object.freeze(config);
}

/** An invalid configuration. Its message names every invalid variable, its value and the accepted values. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads the configuration from environment variables. An empty variable counts as not set, except for `LOG_DIR`,
 * `STATE_DIR` and `WORKFLOWS_DIR`, where it means "no files".
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
  const instances: InstanceList | { problem: string } =
    hosts === '' ? NO_HOSTS : parseInstances(hosts, parsed.success && parsed.data.COMFYUI_USE_SSL);
  if ('problem' in instances) problems.push(`COMFYUI_HOST: ${instances.problem}`);
  else if (parsed.success) problems.push(...authorizationConflict(parsed.data, instances.addresses));
  if (parsed.success) problems.push(...crossChecks(parsed.data));
  if (!parsed.success || 'problem' in instances || problems.length > 0) {
    throw new ConfigError(`Invalid configuration:\n${problems.map((line) => `  ${line}`).join('\n')}`);
  }
  return nested(parsed.data, instances);
}

/** Returns `COMFYUI_HOST`, then `COMFYUI_HOST_1`, `_2`, … by number. Empty if a file lists the machines. */
function collectHosts(env: Readonly<Record<string, string | undefined>>): string {
  const numbered = Object.keys(env)
    .filter((key) => /^COMFYUI_HOST_\d+$/.test(key) && env[key]?.trim())
    .sort((a, b) => Number(a.slice(13)) - Number(b.slice(13)))
    .map((key) => env[key]);
  const all = [env['COMFYUI_HOST'], ...numbered].filter((value) => value?.trim());
  if (all.length > 0) return all.join(',');
  return env['INSTANCES_FILE']?.trim() ? '' : '127.0.0.1:8188';
}

function describeIssues(error: z.ZodError, given: Record<string, string>): string[] {
  const names = [...new Set(error.issues.map((issue) => String(issue.path[0])))];
  return names.map((name) => {
    const accepted = environmentSchema.shape[name as keyof Environment].description;
    // The value of a secret is never shown.
    const was = SECRETS.has(name) ? 'something else' : JSON.stringify(withoutCredentials(given[name] ?? ''));
    return `${name}: must be ${accepted}, but was ${was}`;
  });
}

/** Removes a possible user name and password from a value that may be a URL or a list of URLs. */
function withoutCredentials(text: string): string {
  return text.replace(/^.*@/s, '…@');
}

/** Rejects a common `Authorization` header together with credentials in a URL: a machine can get only one of them. */
function authorizationConflict(
  { COMFYUI_AUTH_HEADER: header }: Environment,
  addresses: readonly InstanceAddress[],
): string[] {
  const hasCredentials = addresses.some(({ headers }) => headers !== undefined);
  if (header?.name.toLowerCase() !== 'authorization' || !hasCredentials) return [];
  return [
    'COMFYUI_AUTH_HEADER: must not be an Authorization header when COMFYUI_HOST has a URL with credentials',
  ];
}

function crossChecks(env: Environment): string[] {
  const problems: string[] = [];
  const atLeast = (larger: keyof Environment, smaller: keyof Environment, why: string) => {
    if (Number(env[larger]) < Number(env[smaller])) {
      problems.push(
        `${larger}: must be at least ${smaller} (${env[smaller]}) ${why}, but was ${JSON.stringify(String(env[larger]))}`,
      );
    }
  };
  atLeast('BREAKER_MAX_RESET_TIMEOUT', 'BREAKER_RESET_TIMEOUT', 'as the reset time grows up to it');
  // With other stores, files need not fit into memory.
  if (env.ASSET_STORE === 'memory') {
    atLeast('MAX_RESULT_MEMORY', 'MAX_RESULT_SIZE', 'so that one result fits');
    atLeast('MAX_QUEUE_MEMORY', 'MAX_FILE_SIZE', 'so that one upload fits');
    // A form is a little larger than the image in it.
    atLeast('MAX_UPLOAD_MEMORY', 'MAX_FILE_SIZE', 'so that one upload fits');
  }
  if (env.ASSET_STORE === 's3' && env.S3_BUCKET === undefined) {
    problems.push('S3_BUCKET: must be the name of a bucket when ASSET_STORE is s3, but was not set');
  }
  // 0 is any free port, which is never the same.
  if (env.COMFYUI_API_PORT === env.PORT && env.PORT !== 0) {
    problems.push(
      `COMFYUI_API_PORT: must be another port than PORT (${env.PORT}), but was "${env.COMFYUI_API_PORT}"`,
    );
  }
  if (env.QUEUE === 'redis') problems.push(...redisProblems(env));
  return problems;
}

function redisProblems({ REDIS_URL, ASSET_STORE }: Environment): string[] {
  const problems: string[] = [];
  if (REDIS_URL === undefined) {
    problems.push('REDIS_URL: must be the address of Redis when QUEUE is redis, but was not set');
  }
  if (ASSET_STORE === 'memory') {
    problems.push(
      'ASSET_STORE: must be disk or s3 when QUEUE is redis, because every server needs the files of every job, but was "memory"',
    );
  }
  return problems;
}
