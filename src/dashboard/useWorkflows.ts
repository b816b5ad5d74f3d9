import { useRef, useState } from 'preact/hooks';
import type { MiddlewareClient, WorkflowDescription } from '../client/index.js';
import { usePolling } from './usePolling.js';

/** Poll interval, ms. */
const REFRESH_MS = 3000;

/** The available workflows, which may change while the page is open. */
export function useWorkflows(client: MiddlewareClient, isThere: boolean): readonly WorkflowDescription[] {
  const [workflows, setWorkflows] = useState<readonly WorkflowDescription[]>([]);
  const last = useRef('');
  usePolling(
    async (signal) => {
      const loaded = await client.workflows(signal);
      const text = JSON.stringify(loaded);
      // An unchanged list needs no render.
      if (text !== last.current) setWorkflows(loaded);
      last.current = text;
    },
    { everyMs: REFRESH_MS, isOn: isThere, key: client },
  );
  return workflows;
}
