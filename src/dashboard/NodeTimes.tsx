import { useState } from 'preact/hooks';
import type { z } from 'zod';
import type { MiddlewareClient } from '../client/index.js';
import type { jobInfo } from '../schemas/jobs.js';
import { messageOf } from './errors.js';

type NodeTime = NonNullable<z.output<typeof jobInfo>['nodes']>[number];

/** Nodes with a bar of their own. The rest is added up. */
const MAX_BARS = 8;

type Loaded = { readonly nodes: readonly NodeTime[] } | { readonly problem: string };

/** Shows how long each node of a completed job ran. Loads that when somebody opens it. */
export function NodeTimes({ client, jobId }: { client: MiddlewareClient; jobId: string }) {
  const [loaded, setLoaded] = useState<Loaded>();
  const load = async () => {
    try {
      const { nodes } = await client.json<z.output<typeof jobInfo>>(`/api/jobs/${jobId}/info`);
      setLoaded({ nodes: nodes ?? [] });
    } catch (error) {
      setLoaded({ problem: messageOf(error) });
    }
  };
  return (
    <details class="nodes" onToggle={({ currentTarget }) => void (currentTarget.open && !loaded && load())}>
      <summary>Time per node</summary>
      {loaded && 'problem' in loaded && <p class="problem">{loaded.problem}</p>}
      {loaded && 'nodes' in loaded && <Bars nodes={loaded.nodes} />}
    </details>
  );
}

function Bars({ nodes }: { nodes: readonly NodeTime[] }) {
  if (nodes.length === 0) return <p class="hint">ComfyUI reported no times: the result was in its cache.</p>;
  const sorted = [...nodes].sort((a, b) => b.seconds - a.seconds);
  const others = sorted.slice(MAX_BARS);
  const bars = sorted
    .slice(0, MAX_BARS)
    .map(({ node_id, class_type, seconds }) => ({ key: node_id, name: class_type, seconds }));
  if (others.length > 0) {
    const seconds = others.reduce((sum, node) => sum + node.seconds, 0);
    bars.push({ key: 'others', name: `${others.length} others`, seconds });
  }
  const longest = Math.max(...bars.map(({ seconds }) => seconds));
  return (
    <ul class="plain">
      {bars.map(({ key, name, seconds }) => (
        <li key={key}>
          <span>{name}</span>
          <progress aria-hidden="true" max={1} value={longest > 0 ? seconds / longest : 0} />
          <span>{seconds.toFixed(2)} s</span>
        </li>
      ))}
    </ul>
  );
}
