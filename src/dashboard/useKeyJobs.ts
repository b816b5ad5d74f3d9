import { useState } from 'preact/hooks';
import type { MiddlewareClient } from '../client/index.js';
import type { JobRecord } from './overview.js';
import { usePolling } from './usePolling.js';

const REFRESH_MS = 5000;
const LISTED = 50;

/** The newest jobs of the key, wherever they were started. @param isWanted whether to request them */
export function useKeyJobs(client: MiddlewareClient, isWanted: boolean): readonly JobRecord[] {
  const [jobs, setJobs] = useState<readonly JobRecord[]>([]);
  usePolling(async (signal) => setJobs((await client.jobs({ limit: LISTED }, signal)).jobs), {
    everyMs: REFRESH_MS,
    isOn: isWanted,
    key: client,
  });
  return jobs;
}
