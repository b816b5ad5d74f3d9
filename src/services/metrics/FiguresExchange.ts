import { z } from 'zod';
import type { RecorderState } from './Recorder.js';

/** What a server is doing at the moment. */
export const serverGauges = z.object({
  /** Jobs that it runs. */
  activeJobs: z.number().nonnegative(),
  /** These jobs by machine, `host:port`. */
  load: z.record(z.string(), z.number().nonnegative()),
});

export type ServerGauges = z.output<typeof serverGauges>;

/** What a server reports about itself. */
export interface ServerFigures {
  /** Its counters. */
  readonly counted: RecorderState;
  /** `undefined` for a server that is gone. */
  readonly now: ServerGauges | undefined;
}

/**
 * Shares metrics between servers. Each server has an id that no other server uses, and that it keeps over restarts.
 *
 * An implementation guarantees:
 * - The counters of a server are kept for a day after its last report; its gauges, for some seconds.
 * - Every call settles in bounded time.
 */
export interface FiguresExchange {
  /**
   * Reports the gauges of this server, and that it is alive.
   * @param counted its counters; omitted if they have not changed since the last report
   */
  tell(id: string, now: ServerGauges, counted?: RecorderState): Promise<void>;
  /** Marks this server as ended. Its counters are kept. */
  leave(id: string): Promise<void>;
  /** Returns the reports of all servers by id. `counted` is the same object again if it has not changed. */
  all(): Promise<ReadonlyMap<string, ServerFigures>>;
}
