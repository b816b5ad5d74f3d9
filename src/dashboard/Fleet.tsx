import type { MiddlewareClient, WorkflowDescription } from '../client/index.js';
import { Activity } from './Activity.js';
import { attentionNeeded } from './attention.js';
import { percentWords } from './figures.js';
import { Jobs } from './Jobs.js';
import { Machines } from './Machines.js';
import type { Overview } from './overview.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly overview: Overview;
  readonly workflows: readonly WorkflowDescription[];
  readonly isAdmin: boolean;
  readonly onChange: () => void;
  /** Shows more jobs; `undefined` if no more can be shown. */
  readonly onMore: (() => void) | undefined;
}

/** The machines with their current and past work, for operators. */
export function Fleet({ client, overview, workflows, isAdmin, onChange, onMore }: Props) {
  const { health, fleet } = overview;
  const { job_processing, performance, comfyui_instances } = health;
  const { success_rate: succeeded } = performance;
  const issues = attentionNeeded(health, workflows);
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
        <Figure name="Succeeded" value={succeeded === null ? 'no job yet' : percentWords(succeeded)} />
      </dl>
      {issues.length > 0 && <Issues issues={issues} isCritical={health.status === 'critical'} />}
      <div class="column">
        <Machines
          client={client}
          health={health}
          workflows={workflows}
          isAdmin={isAdmin}
          onChange={onChange}
        />
        {fleet && <Activity minutes={fleet.minutes} />}
      </div>
      {fleet && (
        <Jobs
          client={client}
          jobs={fleet.jobs}
          all={fleet.allJobs}
          machines={comfyui_instances.instances}
          workflows={workflows}
          onChange={onChange}
          onMore={onMore}
        />
      )}
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
