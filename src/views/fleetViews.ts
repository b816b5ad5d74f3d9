import type { z } from 'zod';
import type { instance as instanceSchema } from '../schemas/instances.js';
import type { Fleet } from '../services/instances/fleet/Fleet.js';
import type { Instance } from '../services/instances/Instance.js';
import type { LoadBalancer } from '../services/instances/LoadBalancer.js';
import type { Scheduler } from '../services/instances/scheduling/Scheduler.js';
import { isoOrNull, toSeconds } from '../utils/clock.js';
import { typeOfKind } from '../workflows/graphNeeds.js';

interface Parts {
  readonly fleet: Fleet;
  readonly balancer: LoadBalancer;
  readonly scheduler: Scheduler;
}

/** Returns a machine for operators. */
export function machineView(instance: Instance, parts: Parts): z.input<typeof instanceSchema> {
  const { fleet, balancer, scheduler } = parts;
  const { settings, health } = instance;
  const { loaded, msByWorkflow } = scheduler.knowledgeOf(instance.host);
  return {
    name: instance.address.id,
    host: instance.host,
    origin: fleet.originOf(instance),
    state: stateOf(instance, fleet),
    health: instance.isHealthy ? 'healthy' : 'unhealthy',
    reason: whyNoJobs(instance),
    down_since: isoOrNull(health.downSince),
    version: health.version ?? null,
    max_jobs: settings.maxJobs,
    active_jobs: instance.activeJobs,
    other_prompts: balancer.promptsOfOthers(instance),
    labels: [...settings.labels],
    loaded_models: [...loaded],
    seconds_by_workflow: secondsByType(msByWorkflow),
    missing: Object.fromEntries([...health.missing].map(([type, names]) => [type, [...names]])),
  };
}

/** Times are measured by what jobs need. The mean is shown for jobs of one type with different needs, such as clients' own graphs. */
function secondsByType(msByKind: ReadonlyMap<string, number>): Record<string, number> {
  const timesByType = new Map<string, number[]>();
  for (const [kind, ms] of msByKind) {
    const type = typeOfKind(kind);
    timesByType.set(type, [...(timesByType.get(type) ?? []), ms]);
  }
  return Object.fromEntries([...timesByType].map(([type, times]) => [type, toSeconds(mean(times))]));
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function stateOf(instance: Instance, fleet: Fleet): z.input<typeof instanceSchema>['state'] {
  if (fleet.isLeaving(instance)) return 'leaving';
  return instance.health.isWarming ? 'warming' : instance.settings.state;
}

/** Returns why a machine gets no jobs; null if it can get jobs. */
function whyNoJobs({ breaker, health, settings }: Instance): string | null {
  if (breaker.isForced) return 'It was taken out of service manually.';
  if (!health.isUp) {
    return health.lastError === undefined
      ? 'It has not been checked yet.'
      : `It is unreachable: ${health.lastError}`;
  }
  if (health.problem) return health.problem.reason;
  if (health.isWarming) return 'It is warming up.';
  if (breaker.state !== 'CLOSED') return 'Its jobs failed; it will be tried again.';
  return settings.state === 'draining' ? 'It is draining.' : null;
}
