import { bytes, integer, MIB, milliseconds, optionalInteger, type Values } from './fields.js';

/** Limits of the number and duration of jobs. */
export const jobVariables = {
  MAX_CONCURRENT_JOBS: optionalInteger(1, 10_000).meta({
    meaning: 'Jobs at the same time on all machines together. Unset: as many as the machines accept.',
  }),
  MAX_QUEUE_SIZE: integer(1000, 1, 10_000_000).meta({
    meaning:
      'Pending jobs. Beyond it, requests fail with 503 `QUEUE_FULL`. Servers that share a queue may exceed it by the few jobs that they accept at the same moment.',
  }),
  MAX_QUEUE_MEMORY: bytes(512 * MIB).meta({
    meaning:
      'Bytes of the uploads of pending jobs if `ASSET_STORE=memory`, and of the graphs that clients sent with them if `QUEUE=memory`. Beyond it, requests fail with 503 `QUEUE_FULL`.',
  }),
  MAX_RESULT_MEMORY: bytes(512 * MIB).meta({
    meaning:
      'Limit in bytes for each of these: results kept with `ASSET_STORE=memory`, and graphs and prompts of finished jobs (the oldest are dropped first), the results of one job while they are in memory, results being sent from memory, and responses that clients have not read yet.',
  }),
  JOB_TIMEOUT: milliseconds(300_000).meta({
    meaning:
      "Milliseconds that a prompt may execute, counted from ComfyUI's `execution_start`. Then the server interrupts it and the job fails.",
  }),
  JOB_QUEUE_TIMEOUT: milliseconds(0, 0).meta({
    meaning:
      "Milliseconds that a prompt may wait in ComfyUI's own queue before it is moved to another machine with a free slot. 0: no limit.",
  }),
  SYNC_TIMEOUT: milliseconds(300_000).meta({
    meaning: 'Milliseconds that a synchronous request waits for its job.',
  }),
  JOB_MAX_ATTEMPTS: integer(3, 1, 100).meta({ meaning: 'Maximum attempts of a job.' }),
  JOB_CLEANUP_INTERVAL: milliseconds(600_000).meta({
    meaning: 'Milliseconds that a finished job and its result are kept.',
  }),
  JOB_PROCESSING_INTERVAL: milliseconds(1000, 10).meta({
    meaning:
      'Milliseconds between two polls of the queue. New jobs and free slots are handled immediately; polling is the fallback.',
  }),
  MAX_PASSED_OVER: milliseconds(120_000).meta({
    meaning:
      'Milliseconds for which later jobs may start before an earlier one, because of loaded models, fairness or priority. After that, every second start is of the job that was skipped longest; of each client and `priority`, one in this time.',
  }),
  MAX_PRIORITY: integer(0, 0, 10).meta({
    meaning: 'Highest `priority` for keys that are not of scope admin. Lower priorities are always accepted.',
  }),
  SCALE_TARGET: milliseconds(60_000, 1000).meta({
    meaning:
      'For autoscalers: the metric `wanted_machines` is the number of machines that run all pending jobs within this many milliseconds.',
  }),
};

export const jobConfig = (env: Values<typeof jobVariables>) => ({
  /** `undefined`: as many as the machines accept. */
  maxConcurrent: env.MAX_CONCURRENT_JOBS,
  maxQueued: env.MAX_QUEUE_SIZE,
  /** Bytes of the files of unfinished jobs. */
  maxQueueBytes: env.MAX_QUEUE_MEMORY,
  /** Bytes of kept results. */
  maxResultBytes: env.MAX_RESULT_MEMORY,
  /** For the execution of a prompt. */
  timeoutMs: env.JOB_TIMEOUT,
  /** For a prompt in ComfyUI's own queue; 0 for no limit. */
  queueTimeoutMs: env.JOB_QUEUE_TIMEOUT,
  /** For a synchronous request. */
  syncTimeoutMs: env.SYNC_TIMEOUT,
  maxAttempts: env.JOB_MAX_ATTEMPTS,
  /** How long a finished job is kept. */
  lifetimeMs: env.JOB_CLEANUP_INTERVAL,
  /** Maximum time for which later jobs may start before an earlier one. */
  maxPassedOverMs: env.MAX_PASSED_OVER,
  /** For jobs with keys that are not admin. */
  maxPriority: env.MAX_PRIORITY,
  /** Time within which an autoscaler's machines should execute all waiting jobs. */
  scaleTargetMs: env.SCALE_TARGET,
  pollIntervalMs: env.JOB_PROCESSING_INTERVAL,
});
