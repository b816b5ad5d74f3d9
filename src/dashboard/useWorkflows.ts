import { useEffect, useState } from 'preact/hooks';
import type { MiddlewareClient, WorkflowDescription } from '../client/index.js';

/** How often it is asked, ms: whoever copies a file into the server's folder sees it here within two seconds. */
const REFRESH_MS = 1500;

/** What can be run. Workflows may come and go while the page is open. */
export function useWorkflows(client: MiddlewareClient, isThere: boolean): readonly WorkflowDescription[] {
  const [workflows, setWorkflows] = useState<readonly WorkflowDescription[]>([]);

  useEffect(() => {
    if (!isThere) return;
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = '';
    const load = async () => {
      try {
        const loaded = await client.workflows(over.signal);
        const text = JSON.stringify(loaded);
        // The same again is nothing to draw.
        if (text !== last) setWorkflows(loaded);
        last = text;
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
  }, [client, isThere]);

  return workflows;
}
