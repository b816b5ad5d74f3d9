import { z } from 'zod';

/** What a server found out about a machine. Plain data: it is sent to other servers. */
export const machineUpdate = z.object({
  /** Its host, as all servers spell it. */
  machine: z.string(),
  /** Model files of the last job that it was given; none where it is not known any more. */
  loaded: z.array(z.string()).readonly().optional(),
  /** An execution that completed there. */
  execution: z
    .object({
      workflow: z.string(),
      ms: z.number().nonnegative(),
      loading: z.enum(['nothing', 'switched', 'first']),
    })
    .optional(),
});

export type MachineUpdate = z.output<typeof machineUpdate>;

/** What servers that share machines tell each other about them, so that each decides as one that runs all jobs. */
export interface MachineUpdates {
  /** Tells the other servers. Not awaited; never throws; an update may be lost. */
  publish(update: MachineUpdate): void;
  /** Calls `listener` with every update of another server. */
  subscribe(listener: (update: MachineUpdate) => void): void;
}
