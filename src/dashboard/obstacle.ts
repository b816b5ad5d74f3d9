import type { Health, WorkflowDescription } from '../client/index.js';
import { machineState, timeOf } from './machineState.js';

/** Whether any machine can run a workflow at the moment. */
export function canRun({ instances }: WorkflowDescription): boolean {
  return instances.some(({ can_run }) => can_run);
}

/**
 * Why no machine can run a workflow, for people who do not know the machines: how many are in which state.
 * @returns undefined if a machine can
 */
export function obstacleTo(workflow: WorkflowDescription, health: Health): string | undefined {
  if (canRun(workflow)) return undefined;
  const counts = new Map<string, number>();
  for (const machine of health.comfyui_instances.instances) {
    const { missing = [] } = workflow.instances.find(({ host }) => host === machine.host) ?? {};
    const { word, tone } = machineState(machine, timeOf(health));
    const isLacking = tone === 'good' && missing.length > 0;
    const words = isLacking ? 'without a node or model that it needs' : word.toLowerCase();
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  const reasons = [...counts].map(([words, count]) => `${count} ${words}`);
  return `No machine can run this at the moment (${reasons.join(', ') || 'there is none'}).`;
}
