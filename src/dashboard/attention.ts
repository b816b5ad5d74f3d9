import type { Health, WorkflowDescription } from '../client/index.js';
import { capitalised } from './figures.js';
import { machineState, timeOf } from './machineState.js';
import type { Machine } from './overview.js';

/** What an operator should look at: machines with the reasons, then everything else that the server reports. */
export function attentionNeeded(health: Health, workflows: readonly WorkflowDescription[]): string[] {
  const { instances } = health.comfyui_instances;
  const ofMachines = instances.flatMap((machine) => {
    const { word, tone, reason } = machineState(machine, timeOf(health));
    const texts = [...(tone === 'good' ? [] : [word, reason]), ...lacksOf(machine, workflows)];
    const said = texts.filter((text) => text !== undefined);
    return said.length > 0 ? [`${machine.id}: ${said.map(ended).join(' ')}`] : [];
  });
  // The server's own sentences about a machine start with its address.
  const isOfMachine = (issue: string) => instances.some(({ host }) => issue.startsWith(`Instance ${host} `));
  const others = health.issues.filter((issue) => !isOfMachine(issue));
  return [...others.map((issue) => issue.replace('ComfyUI instance', 'machine')), ...ofMachines];
}

/** Which workflows a machine cannot run because it lacks something, one sentence each. */
export function lacksOf({ host }: Machine, workflows: readonly WorkflowDescription[]): string[] {
  return workflows.flatMap(({ title, requires, instances }) => {
    const { missing = [] } = instances.find((one) => one.host === host) ?? {};
    const models = new Map(
      requires.models.map(({ node, model }) => [`${node}: ${model}`, `the model file ${model} (${node})`]),
    );
    const names = missing.map(
      (name) => models.get(name) ?? (name.startsWith('label ') ? `the ${name}` : `the node ${name}`),
    );
    return names.length > 0 ? [`It cannot run ${title}: it lacks ${names.join(', ')}.`] : [];
  });
}

function ended(text: string): string {
  return text.endsWith('.') ? text : `${capitalised(text)}.`;
}
