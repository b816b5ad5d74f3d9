import { z } from 'zod';
import type { DnsName, InstanceAddress } from '../utils/instanceUrls.js';
import { bytes, choice, flag, integer, MIB, milliseconds, type Values } from './fields.js';

const IMAGE_INPUTS = ['upload', 'base64'] as const;

const header = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+:\s*[\x20-\x7e]+$/)
  .transform((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
  })
  .optional()
  .describe('one header as "Name: value"');

/** The ComfyUI machines, and how patient the server is with them. */
export const machineVariables = {
  COMFYUI_HOST: z
    .string()
    .default('127.0.0.1:8188')
    .describe('comma-separated host[:port] or URLs, each once, IPv6 in brackets'),
  INSTANCES_FILE: z.string().min(1).optional().describe('a file of machines in YAML or JSON'),
  DISCOVERY_INTERVAL: milliseconds(30_000, 100),
  COMFYUI_USE_SSL: flag(false),
  COMFYUI_KEEP_HISTORY: flag(false),
  COMFYUI_IMAGE_INPUT: choice(IMAGE_INPUTS).default('upload').describe(IMAGE_INPUTS.join(' or ')),
  COMFYUI_AUTH_HEADER: header,
  MAX_CONNECTIONS_PER_INSTANCE: integer(3, 1, 10),
  MAX_JOBS_PER_INSTANCE: integer(2, 1, 1000),
  MAX_RESULT_SIZE: bytes(256 * MIB),
  HEALTH_CHECK_INTERVAL: milliseconds(30_000, 100),
  HEALTH_CHECK_TIMEOUT: milliseconds(5000, 10),
  BREAKER_FAILURE_THRESHOLD: integer(3, 1, 1000),
  BREAKER_RESET_TIMEOUT: milliseconds(15_000),
  BREAKER_MAX_RESET_TIMEOUT: milliseconds(120_000),
};

export const machineConfig = (
  env: Values<typeof machineVariables>,
  addresses: readonly InstanceAddress[],
  names: readonly DnsName[],
) => ({
  addresses: Object.freeze(addresses),
  /** Each stands for every address that DNS has for it. */
  names: Object.freeze(names),
  /** A file that lists further machines; undefined where there is none. */
  file: env.INSTANCES_FILE,
  /** Between two looks at the addresses of names. */
  discoveryIntervalMs: env.DISCOVERY_INTERVAL,
  /** Sent with every request and socket to ComfyUI. */
  header: env.COMFYUI_AUTH_HEADER,
  keepHistory: env.COMFYUI_KEEP_HISTORY,
  imageInput: env.COMFYUI_IMAGE_INPUT,
  maxConnections: env.MAX_CONNECTIONS_PER_INSTANCE,
  maxJobs: env.MAX_JOBS_PER_INSTANCE,
  /** Bytes of one file from a machine. */
  maxResultBytes: env.MAX_RESULT_SIZE,
  checkIntervalMs: env.HEALTH_CHECK_INTERVAL,
  /** For small requests to a machine. */
  controlTimeoutMs: env.HEALTH_CHECK_TIMEOUT,
  breaker: {
    failureThreshold: env.BREAKER_FAILURE_THRESHOLD,
    resetTimeoutMs: env.BREAKER_RESET_TIMEOUT,
    maxResetTimeoutMs: env.BREAKER_MAX_RESET_TIMEOUT,
  },
});
