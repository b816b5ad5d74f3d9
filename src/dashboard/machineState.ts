import type { Health, WorkflowDescription } from '../client/index.js';
import { timeWords } from './figures.js';
import type { Machine } from './overview.js';

interface MachineState {
  readonly word: string;
  readonly tone: 'good' | 'bad' | 'warn' | 'dim';
  /** Why the machine gets no jobs, and since when. */
  readonly reason: string | undefined;
}

/** The state of a machine in words. */
export function machineState(machine: Machine): MachineState {
  const { circuit_breaker: breaker, down_since: since, last_error: error, problem } = machine;
  if (breaker.forced) {
    const isDown = since === undefined ? '' : ` It does not answer either: ${errorWords(error)}`;
    return { word: 'Out of service', tone: 'dim', reason: `Taken out of service by hand.${isDown}` };
  }
  if (since !== undefined) {
    return { word: 'Down', tone: 'bad', reason: `Since ${timeWords(since)}: ${errorWords(error)}` };
  }
  if (problem !== undefined) return { word: 'Gets no jobs', tone: 'bad', reason: problem };
  if (breaker.state === 'OPEN') {
    return { word: 'Paused', tone: 'warn', reason: 'Jobs kept failing here. It is tried again in a moment.' };
  }
  if (breaker.state === 'HALF_OPEN')
    return { word: 'On trial', tone: 'warn', reason: 'It gets one job to try.' };
  if (machine.status === 'unhealthy') return { word: 'Not checked yet', tone: 'dim', reason: undefined };
  return { word: machine.active_jobs > 0 ? 'Busy' : 'Ready', tone: 'good', reason: undefined };
}

/** Why no machine can run a workflow. @returns undefined if a machine can */
export function obstacleTo(workflow: WorkflowDescription, health: Health): string | undefined {
  if (workflow.instances.some(({ can_run }) => can_run)) return undefined;
  const reasons = health.comfyui_instances.instances.map((machine) => {
    const missing = workflow.instances.find(({ host }) => host === machine.host)?.missing ?? [];
    const { word, reason } = machineState(machine);
    if (reason !== undefined) return `${machine.host}: ${reason}`;
    if (missing.length > 0) return `${machine.host} lacks ${missing.join(', ')}.`;
    return `${machine.host}: ${word.toLowerCase()}.`;
  });
  return ['No machine can run this at the moment.', ...reasons].join(' ');
}

const CODES: ReadonlyArray<readonly [pattern: RegExp, words: string]> = [
  [/ECONNREFUSED/, 'nothing answers at this address. Is ComfyUI running there?'],
  [/ENOTFOUND|EAI_AGAIN/, 'its host name cannot be found.'],
  [/EHOSTUNREACH|ENETUNREACH/, 'the network does not lead there.'],
  [/ECONNRESET|EPIPE|UND_ERR_SOCKET/, 'it closed the connection.'],
  [/in time|ETIMEDOUT/, 'it does not answer in time.'],
];

function errorWords(error: string | undefined): string {
  if (error === undefined) return 'it cannot be reached.';
  const [, words] = CODES.find(([pattern]) => pattern.test(error)) ?? [];
  return words ?? (error.endsWith('.') ? error : `${error}.`);
}
