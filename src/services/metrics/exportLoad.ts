import type { FleetLoad } from './FleetLoad.js';
import type { PrometheusRegistry } from './PrometheusRegistry.js';

/** Exports the load for autoscalers: waiting work and use of the machines. */
export function exportLoad(registry: PrometheusRegistry, load: FleetLoad): void {
  // Workflows without waiting jobs and removed machines have no series.
  registry.gauge(
    {
      name: 'workflow_queue_seconds',
      help: 'Seconds until the machines that can run a workflow are through with its jobs that wait.',
      labels: ['type'],
    },
    () => [...load.queueSeconds()].map(([type, value]) => ({ labels: { type }, value })),
  );
  registry.gauge(
    {
      name: 'wanted_machines',
      help: 'Machines that execute the jobs that wait within SCALE_TARGET.',
      labels: [],
    },
    () => [{ labels: {}, value: load.wantedMachines() }],
  );
  registry.gauge(
    {
      name: 'instance_idle_seconds',
      help: 'Seconds since an instance that is healthy had a job, or a prompt of others; 0 while it has.',
      labels: ['comfyui_instance'],
    },
    () => [...load.idleSeconds()].map(([host, value]) => ({ labels: { comfyui_instance: host }, value })),
  );
}
