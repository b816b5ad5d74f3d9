import type { MiddlewareClient } from '../client/index.js';
import { Activity } from './Activity.js';
import { Jobs } from './Jobs.js';
import { Machines } from './Machines.js';
import type { Overview } from './overview.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly overview: Overview;
  readonly isAdmin: boolean;
  readonly onChange: () => void;
}

/** The machines with their current and past work, for operators. */
export function Fleet({ client, overview: { health, fleet }, isAdmin, onChange }: Props) {
  const { job_processing, performance, comfyui_instances } = health;
  return (
    <main class="fleet">
      <dl class="card figures">
        <Figure name="Machines ready" value={`${comfyui_instances.healthy} of ${comfyui_instances.total}`} />
        <Figure
          name="Running"
          value={`${job_processing.active_jobs} of ${job_processing.max_concurrent_jobs}`}
        />
        <Figure name="Waiting" value={job_processing.pending_jobs} />
        <Figure name="Finished in the last hour" value={performance.jobs_processed_last_hour} />
        <Figure name="Succeeded" value={performance.success_rate?.replace('%', ' %') ?? 'no job yet'} />
      </dl>
      {health.issues.length > 0 && (
        <Issues issues={health.issues} isCritical={health.status === 'critical'} />
      )}
      <div class="column">
        <Machines client={client} health={health} isAdmin={isAdmin} onChange={onChange} />
        {fleet && <Activity minutes={fleet.minutes} />}
      </div>
      {fleet && <Jobs client={client} jobs={fleet.jobs} onChange={onChange} />}
    </main>
  );
}

/** The issues that an operator should look at. */
function Issues({ issues, isCritical }: { issues: readonly string[]; isCritical: boolean }) {
  return (
    <section class={`card issues ${isCritical ? 'bad' : 'warn'}`} aria-labelledby="issues">
      <h2 id="issues">Needs attention</h2>
      <ul>
        {issues.map((issue) => (
          <li key={issue}>{issue}</li>
        ))}
      </ul>
    </section>
  );
}

function Figure({ name, value }: { name: string; value: string | number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
