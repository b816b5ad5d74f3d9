import type { z } from 'zod';
import type { Health, JobList, MiddlewareClient } from '../client/index.js';
import type { historyAnswer } from '../schemas/metrics.js';

export type Machine = Health['comfyui_instances']['instances'][number];
export type JobRecord = JobList['jobs'][number];
export type Minute = z.output<typeof historyAnswer>['minutes'][number];

/** Data for the fleet view only. */
interface FleetFigures {
  readonly jobs: readonly JobRecord[];
  readonly minutes: readonly Minute[];
}

export interface Overview {
  readonly health: Health;
  /** Undefined while the fleet view is not shown. */
  readonly fleet: FleetFigures | undefined;
}

const SHOWN_JOBS = 20;

/** @param isFleet whether to load the data of the fleet view */
export async function loadOverview(client: MiddlewareClient, isFleet: boolean): Promise<Overview> {
  const [health, fleet] = await Promise.all([client.health(), isFleet ? loadFleet(client) : undefined]);
  return { health, fleet };
}

async function loadFleet(client: MiddlewareClient): Promise<FleetFigures> {
  const [{ jobs }, { minutes }] = await Promise.all([
    client.jobs({ limit: SHOWN_JOBS }),
    client.json<z.output<typeof historyAnswer>>('/api/metrics/history'),
  ]);
  return { jobs, minutes };
}
