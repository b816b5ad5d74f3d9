import { bytes, integer, MIB, milliseconds, optionalInteger, type Values } from './fields.js';

/** How many jobs there may be, and how long each may take. */
export const jobVariables = {
  MAX_CONCURRENT_JOBS: optionalInteger(1, 10_000),
  MAX_QUEUE_SIZE: integer(1000, 1, 10_000_000),
  MAX_QUEUE_MEMORY: bytes(512 * MIB),
  MAX_RESULT_MEMORY: bytes(512 * MIB),
  JOB_TIMEOUT: milliseconds(300_000),
  JOB_QUEUE_TIMEOUT: milliseconds(0, 0),
  SYNC_TIMEOUT: milliseconds(300_000),
  JOB_MAX_ATTEMPTS: integer(3, 1, 100),
  JOB_CLEANUP_INTERVAL: milliseconds(600_000),
  JOB_PROCESSING_INTERVAL: milliseconds(1000, 10),
  MAX_PASSED_OVER: milliseconds(120_000),
  MAX_PRIORITY: integer(0, 0, 10),
};

export const jobConfig = (env: Values<typeof jobVariables>) => ({
  /** undefined: as many as the machines allow. */
  maxConcurrent: env.MAX_CONCURRENT_JOBS,
  maxQueued: env.MAX_QUEUE_SIZE,
  /** Bytes of the files of jobs that are not done. */
  maxQueueBytes: env.MAX_QUEUE_MEMORY,
  /** Bytes of results that are kept. */
  maxResultBytes: env.MAX_RESULT_MEMORY,
  /** For the execution of a prompt. */
  timeoutMs: env.JOB_TIMEOUT,
  /** For a prompt in ComfyUI's own queue; 0 for no limit. */
  queueTimeoutMs: env.JOB_QUEUE_TIMEOUT,
  /** How long a synchronous request waits. */
  syncTimeoutMs: env.SYNC_TIMEOUT,
  maxAttempts: env.JOB_MAX_ATTEMPTS,
  /** How long a finished job is kept. */
  lifetimeMs: env.JOB_CLEANUP_INTERVAL,
  /** How long others go before a job that came first. */
  maxPassedOverMs: env.MAX_PASSED_OVER,
  /** Of jobs that come with keys which are not admin. */
  maxPriority: env.MAX_PRIORITY,
  pollIntervalMs: env.JOB_PROCESSING_INTERVAL,
});
