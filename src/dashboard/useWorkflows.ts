import { useRef, useState } from 'preact/hooks';
import type { MiddlewareClient, WorkflowDescription } from '../client/index.js';
import { usePolling } from './usePolling.js';

/** How often it is asked, ms: whoever copies a file into the server's folder sees it here within two seconds. */
const REFRESH_MS = 1500;

/** What can be run. Workflows may come and go while the page is open. */
export function useWorkflows(client: MiddlewareClient, isThere: boolean): readonly WorkflowDescription[] {
  const [workflows, setWorkflows] = useState<readonly WorkflowDescription[]>([]);
  const last = useRef('');
  usePolling(
    async (signal) => {
      const loaded = await client.workflows(signal);
      const text = JSON.stringify(loaded);
      // The same again is nothing to draw.
      if (text !== last.current) setWorkflows(loaded);
      last.current = text;
    },
    { everyMs: REFRESH_MS, isOn: isThere, key: client },
  );
  return workflows;
}
