import { z } from 'zod';

/** What a server learned about a machine, as it is sent to other servers. */
export const machineUpdate = z.object({
  /** Its host: the same text on all servers. */
  machine: z.string(),
  /** Model files of the last job that it got; empty if they are no longer known. */
  loaded: z.array(z.string()).readonly().optional(),
  /** A job that it got, the client whose machine time it uses, and whether it had been skipped for too long. */
  started: z
    .object({
      job: z.string(),
      client: z.string(),
      expectedMs: z.number().nonnegative(),
      isLate: z.boolean().optional(),
    })
    .optional(),
  /** Id of a job that is no longer there. */
  ended: z.string().optional(),
  /** The execution of that job, if it completed. */
  execution: z
    .object({
      workflow: z.string(),
      ms: z.number().nonnegative(),
      loading: z.enum(['nothing', 'switched', 'first']),
    })
    .optional(),
});

export type MachineUpdate = z.output<typeof machineUpdate>;

/** Updates between servers that share machines, so that each server decides like one that runs all jobs. */
export interface MachineUpdates {
  /** Sends an update to the other servers. Never throws; an update may be lost. */
  publish(update: MachineUpdate): void;
  /** Calls `listener` with every update of another server. */
  subscribe(listener: (update: MachineUpdate) => void): void;
}
