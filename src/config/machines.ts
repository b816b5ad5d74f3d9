import { z } from 'zod';
import { headerLine, parseHeaderLine } from '../utils/headerLine.js';
import type { DnsName, InstanceAddress } from '../utils/instanceUrls.js';
import { bytes, choice, flag, integer, MIB, milliseconds, type Values } from './fields.js';

const IMAGE_INPUTS = ['upload', 'base64'] as const;

const header = headerLine.transform(parseHeaderLine).optional().describe('one header as "Name: value"');

/** The ComfyUI machines, and how the server treats them. */
export const machineVariables = {
  COMFYUI_HOST: z
    .string()
    .default('127.0.0.1:8188')
    .describe('comma-separated host[:port] or URLs, each once, IPv6 in brackets')
    .meta({
      meaning:
        'The ComfyUI machines: comma-separated `host[:port]` or URLs, each once, IPv6 addresses in brackets. A URL may have a path and credentials (`https://user:password@host`). List each machine separately: an address must not lead to several machines. `COMFYUI_HOST_1`, `COMFYUI_HOST_2`, … are read too. `dns+http://name:8188` stands for every address of a DNS name.',
    }),
  INSTANCES_FILE: z.string().min(1).optional().describe('a file of machines in YAML or JSON').meta({
    meaning:
      'File that lists machines (YAML or JSON), each with its own header, CA file, limit and labels. It is read again when it changes. See [Machines](Machines.md).',
  }),
  DISCOVERY_INTERVAL: milliseconds(30_000, 100).meta({
    meaning: 'Milliseconds between two lookups of `dns+http://` names.',
  }),
  COMFYUI_USE_SSL: flag(false).meta({ meaning: 'Use https and wss for entries without a scheme.' }),
  COMFYUI_KEEP_HISTORY: flag(false).meta({
    meaning: "Keep each prompt in ComfyUI's history (with its image if `COMFYUI_IMAGE_INPUT=base64`).",
  }),
  COMFYUI_IMAGE_INPUT: choice(IMAGE_INPUTS).default('upload').describe(IMAGE_INPUTS.join(' or ')).meta({
    meaning:
      'How images reach ComfyUI. `upload`: `POST /upload/image` and `LoadImage`. `base64`: inside the prompt, with the custom node `ETN_LoadImageBase64`, for machines that do not allow uploads.',
  }),
  COMFYUI_AUTH_HEADER: header.meta({
    meaning:
      'One header for every request and WebSocket to ComfyUI, such as `Authorization: Bearer …`. Never logged.',
  }),
  MAX_CONNECTIONS_PER_INSTANCE: integer(3, 1, 10).meta({
    meaning:
      'Maximum number of WebSockets to one machine, 1 to 10. Eight prompts share a WebSocket before another is opened.',
  }),
  MAX_JOBS_PER_INSTANCE: integer(2, 1, 1000).meta({
    meaning:
      'Jobs at the same time on one machine. ComfyUI runs one prompt at a time; a second job hides the transfer time.',
  }),
  WARMUP: flag(false).meta({
    meaning:
      'Run each workflow once on a machine that became available, with a small image, before its first job.',
  }),
  MAX_RESULT_SIZE: bytes(256 * MIB).meta({ meaning: 'Maximum size of one result in bytes.' }),
  HEALTH_CHECK_INTERVAL: milliseconds(30_000, 100).meta({
    meaning: 'Milliseconds between two checks of a healthy machine.',
  }),
  HEALTH_CHECK_TIMEOUT: milliseconds(5000, 10).meta({
    meaning: 'Timeout in milliseconds of a health check and of every other small request to a machine.',
  }),
  BREAKER_FAILURE_THRESHOLD: integer(3, 1, 1000).meta({
    meaning: "Consecutive failures that open a machine's circuit breaker.",
  }),
  BREAKER_RESET_TIMEOUT: milliseconds(15_000).meta({
    meaning: 'Milliseconds until the server tries the machine again. The time doubles with each failed try.',
  }),
  BREAKER_MAX_RESET_TIMEOUT: milliseconds(120_000).meta({
    meaning: 'Upper limit of the doubled reset time, in milliseconds.',
  }),
};

export const machineConfig = (
  env: Values<typeof machineVariables>,
  addresses: readonly InstanceAddress[],
  names: readonly DnsName[],
) => ({
  addresses: Object.freeze(addresses),
  /** Each stands for all addresses of a DNS name. */
  names: Object.freeze(names),
  /** A file that lists more machines; `undefined` without one. */
  file: env.INSTANCES_FILE,
  /** Interval between DNS lookups. */
  discoveryIntervalMs: env.DISCOVERY_INTERVAL,
  /** Sent with every request and WebSocket to ComfyUI. */
  header: env.COMFYUI_AUTH_HEADER,
  keepHistory: env.COMFYUI_KEEP_HISTORY,
  imageInput: env.COMFYUI_IMAGE_INPUT,
  maxConnections: env.MAX_CONNECTIONS_PER_INSTANCE,
  maxJobs: env.MAX_JOBS_PER_INSTANCE,
  /** Whether each workflow runs once on a machine that came up, before its first job. */
  warmsUp: env.WARMUP,
  /** Maximum size of a file from a machine, bytes. */
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
