import type { Instance } from '../instances/Instance.js';
import type { PrometheusRegistry } from './PrometheusRegistry.js';

const BREAKER_STATES = ['CLOSED', 'HALF_OPEN', 'OPEN'] as const;
/** Not `instance`: Prometheus uses that label for the scraped server. */
const LABEL = 'comfyui_instance';

/** Exports the state of the ComfyUI machines, each under its `host:port`. */
export function exportInstances(registry: PrometheusRegistry, instances: readonly Instance[]): void {
  const ofEach = (figureOf: (instance: Instance) => number) => () =>
    instances.map((instance) => ({ labels: { [LABEL]: instance.host }, value: figureOf(instance) }));
  registry.gauge(
    { name: 'jobs_in_flight', help: 'Jobs that an instance has.', labels: [LABEL] },
    ofEach(({ activeJobs }) => activeJobs),
  );
  registry.gauge(
    { name: 'instance_up', help: 'Whether an instance is healthy.', labels: [LABEL] },
    ofEach(({ isHealthy }) => (isHealthy ? 1 : 0)),
  );
  registry.gauge(
    { name: 'breaker_state', help: '1 for the state that a breaker is in.', labels: [LABEL, 'state'] },
    () =>
      instances.flatMap(({ host, breaker }) =>
        BREAKER_STATES.map((state) => ({
          labels: { [LABEL]: host, state },
          value: breaker.state === state ? 1 : 0,
        })),
      ),
  );
}
