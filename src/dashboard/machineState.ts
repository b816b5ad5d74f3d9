import type { Health } from '../client/index.js';
import { capitalised, secondsWords, timeWords } from './figures.js';
import type { Machine } from './overview.js';

export interface MachineState {
  readonly word: string;
  readonly tone: 'good' | 'bad' | 'warn' | 'dim';
  /** Why the machine gets no jobs, and since when. */
  readonly reason: string | undefined;
}

/**
 * The state of a machine in words.
 * @param now time of the report: the clock of this browser may be wrong
 */
export function machineState(machine: Machine, now: number): MachineState {
  const { circuit_breaker: breaker, down_since: downSince, last_error: error, problem } = machine;
  const since = (time: string | null | undefined, text: string) => sinceWords(time, text, now);
  if (breaker.forced) {
    const isDown = downSince === undefined ? '' : ` It is down, too: ${errorWords(error)}`;
    const reason = since(breaker.open_since, `taken out of service by an operator.${isDown}`);
    return { word: 'Out of service', tone: 'dim', reason };
  }
  if (downSince !== undefined) {
    return { word: 'Down', tone: 'bad', reason: since(downSince, errorWords(error)) };
  }
  if (problem !== undefined) {
    return { word: 'Gets no jobs', tone: 'bad', reason: since(machine.problem_since, sentence(problem)) };
  }
  switch (breaker.state) {
    case 'OPEN': {
      const text = 'several jobs in a row failed here. The server tries the machine again automatically.';
      return { word: 'Paused', tone: 'warn', reason: since(breaker.open_since, text) };
    }
    case 'HALF_OPEN': {
      const text = 'jobs failed here. The server is testing whether the machine works again.';
      return { word: 'On trial', tone: 'warn', reason: since(breaker.open_since, text) };
    }
  }
  if (machine.state === 'warming') {
    const reason = 'The server runs each workflow on it once before it gets jobs.';
    return { word: 'Warming up', tone: 'dim', reason };
  }
  if (machine.status === 'unhealthy') return { word: 'Not checked yet', tone: 'dim', reason: undefined };
  return { word: machine.active_jobs > 0 ? 'Busy' : 'Ready', tone: 'good', reason: undefined };
}

/** When a health report was made, epoch ms. */
export function timeOf({ timestamp }: Health): number {
  return Date.parse(timestamp);
}

/** How long ago something happened. */
export function agoWords(time: string, now: number): string {
  return `${durationWords(time, now)} ago`;
}

function sinceWords(time: string | null | undefined, text: string, now: number): string {
  if (time === null || time === undefined) return capitalised(text);
  return `For ${durationWords(time, now)}, since ${timeWords(time)}: ${text}`;
}

function durationWords(since: string, now: number): string {
  return secondsWords(Math.max(0, now - Date.parse(since)) / 1000);
}

const CODES: ReadonlyArray<readonly [pattern: RegExp, words: string]> = [
  [/ECONNREFUSED/, 'nothing answers at this address. Check that ComfyUI is running there.'],
  [/ENOTFOUND|EAI_AGAIN/, 'its host name cannot be found.'],
  [/EHOSTUNREACH|ENETUNREACH/, 'there is no network route to it.'],
  [/ECONNRESET|EPIPE|UND_ERR_SOCKET/, 'it closed the connection.'],
  [/in time|ETIMEDOUT|UND_ERR_\w+_TIMEOUT/, 'it does not answer in time.'],
  [/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/, 'its TLS certificate is not accepted.'],
];

function errorWords(error: string | undefined): string {
  if (error === undefined) return 'it cannot be reached.';
  const [, words] = CODES.find(([pattern]) => pattern.test(error)) ?? [];
  return words ?? sentence(error);
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}
