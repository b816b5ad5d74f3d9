import { useEffect, useState } from 'preact/hooks';
import type { MiddlewareClient } from '../client/index.js';
import type { JobRecord } from './overview.js';

const REFRESH_MS = 5000;
const LISTED = 50;

/** The newest jobs of the key, wherever they were started. @param isWanted none are asked for otherwise */
export function useKeyJobs(client: MiddlewareClient, isWanted: boolean): readonly JobRecord[] {
  const [jobs, setJobs] = useState<readonly JobRecord[]>([]);
  useEffect(() => {
    if (!isWanted) return;
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async () => {
      try {
        setJobs((await client.jobs({ limit: LISTED }, over.signal)).jobs);
      } catch {
        // A server that is out of reach shows elsewhere on the page.
      }
      if (!over.signal.aborted) timer = setTimeout(load, REFRESH_MS);
    };
    void load();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [client, isWanted]);
  return jobs;
}
