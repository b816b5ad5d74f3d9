import type { z } from 'zod';
import type { Health, JobList, MiddlewareClient } from '../client/index.js';
import type { historyAnswer } from '../schemas/metrics.js';

export type Machine = Health['comfyui_instances']['instances'][number];
export type JobRecord = JobList['jobs'][number];
export type Minute = z.output<typeof historyAnswer>['minutes'][number];

/** Data for the fleet view only. */
interface FleetFigures {
  /** What runs, then the newest others. */
  readonly jobs: readonly JobRecord[];
  /** Number of all jobs that the key may see. */
  readonly allJobs: number;
  readonly minutes: readonly Minute[];
}

export interface Overview {
  readonly health: Health;
  /** Undefined while the fleet view is not shown. */
  readonly fleet: FleetFigures | undefined;
}

/** @param shownJobs number of jobs of the fleet view; `undefined` while it is not shown */
export async function loadOverview(
  client: MiddlewareClient,
  shownJobs: number | undefined,
): Promise<Overview> {
  const [health, fleet] = await Promise.all([
    client.health(),
    shownJobs === undefined ? undefined : loadFleet(client, shownJobs),
  ]);
  return { health, fleet };
}

async function loadFleet(client: MiddlewareClient, shownJobs: number): Promise<FleetFigures> {
  const [{ jobs: running }, { jobs: newest, total }, { minutes }] = await Promise.all([
    client.jobs({ limit: shownJobs, status: 'processing' }),
    client.jobs({ limit: shownJobs }),
    client.json<z.output<typeof historyAnswer>>('/api/metrics/history'),
  ]);
  // While many wait, the newest ones are all among them.
  const ids = new Set(running.map(({ id }) => id));
  const jobs = [...running, ...newest.filter(({ id }) => !ids.has(id))].slice(0, shownJobs);
  return { jobs, allJobs: total, minutes };
}
