import { z } from 'zod';
import type { RecorderState } from './Recorder.js';

/** What one server does at this moment. */
export const serverGauges = z.object({
  /** Jobs that it runs. */
  activeJobs: z.number().nonnegative(),
  /** Of these, by machine, `host:port`. */
  load: z.record(z.string(), z.number().nonnegative()),
});

export type ServerGauges = z.output<typeof serverGauges>;

/** What one server tells of itself. */
export interface ServerFigures {
  /** What it counted. */
  readonly counted: RecorderState;
  /** undefined for a server that is gone. */
  readonly now: ServerGauges | undefined;
}

/**
 * Where servers tell each other their figures. Each has an id under which nobody else counts, and which it has again after a
 * restart.
 *
 * What an implementation guarantees:
 * - What a server counted is kept for a day after it was last heard of; what it does at this moment, for some seconds.
 * - Every call settles in bounded time.
 */
export interface FiguresExchange {
  /**
   * Tells what this server does, and that it is there.
   * @param counted what it counted; left out where that is as it was told last time
   */
  tell(id: string, now: ServerGauges, counted?: RecorderState): Promise<void>;
  /** This server ends. What it counted stays. */
  leave(id: string): Promise<void>;
  /** What all servers told, by id. What one counted is the same object again where nothing changed. */
  all(): Promise<ReadonlyMap<string, ServerFigures>>;
}
