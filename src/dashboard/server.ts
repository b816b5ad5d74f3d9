import type { z } from 'zod';
import { type Health, MiddlewareClient } from '../client/index.js';
import type { jobListAnswer, jobRecord } from '../schemas/jobs.js';
import type { circuitBreakersAnswer, historyAnswer } from '../schemas/metrics.js';

export type InstanceHealth = Health['comfyui_instances']['instances'][number];
export type Breaker = z.output<typeof circuitBreakersAnswer>['circuit_breakers'][string];
export type JobRecord = z.output<typeof jobRecord>;
type Minute = z.output<typeof historyAnswer>['minutes'][number];

/** What the operator's side of the page shows. */
export interface Overview {
  readonly health: Health;
  readonly breakers: Readonly<Record<string, Breaker>>;
  readonly jobs: readonly JobRecord[];
  readonly minutes: readonly Minute[];
}

const KEY_NAME = 'api-key';
const SHOWN_JOBS = 20;

/** Keeps the key for this session, in this tab alone. */
export function storeKey(key: string): void {
  sessionStorage.setItem(KEY_NAME, key);
}

/** A client with the key of this session. */
export function connect(): MiddlewareClient {
  return new MiddlewareClient({ apiKey: sessionStorage.getItem(KEY_NAME) ?? undefined });
}

export async function loadOverview(client: MiddlewareClient): Promise<Overview> {
  const [report, breakers, list, history] = await Promise.all([
    client.health(),
    client.json<z.output<typeof circuitBreakersAnswer>>('/api/circuit-breakers'),
    client.json<z.output<typeof jobListAnswer>>(`/api/jobs/list?limit=${SHOWN_JOBS}`),
    client.json<z.output<typeof historyAnswer>>('/api/metrics/history'),
  ]);
  return {
    health: report,
    breakers: breakers.circuit_breakers,
    jobs: list.jobs,
    minutes: history.minutes,
  };
}
