import type { ServerProcess } from '../support/process.js';

/** Reasons why a job may fail in this test: each is the result of an injected fault. */
export const INJECTED: ReadonlySet<string> = new Set([
  'connection_refused',
  'connection_timeout',
  'connection_lost',
  'instance_unavailable',
  'result_missing',
  'processing_timeout',
  'out_of_memory',
  // A GPU fault, a disk fault, or an interrupt by another client.
  'execution_error',
  // An image that is temporarily too large for the machines.
  'workflow_validation',
]);

export interface Balance {
  readonly submitted: number;
  readonly completed: number;
  /** By reason of the injected fault. */
  readonly failed: Readonly<Record<string, number>>;
  readonly cancelled: number;
  /** By error code, and requests that were closed before the server accepted them. */
  readonly refused: Readonly<Record<string, number>>;
  /** Everything that must not happen; empty if the balance is correct. */
  readonly wrong: readonly string[];
}

/** The jobs as the clients saw them, to compare with the server's log. */
export class Ledger {
  readonly #sent = new Set<string>();
  readonly #refusals = new Map<string, string>();
  readonly #hangUps = new Set<string>();
  readonly #ends = new Map<string, string>();
  readonly #wrong: string[] = [];

  sent(requestId: string): void {
    this.#sent.add(requestId);
  }

  sawRefusal(requestId: string, code: string): void {
    this.#refusals.set(requestId, code);
  }

  sawHangUp(requestId: string): void {
    this.#hangUps.add(requestId);
  }

  sawEnd(jobId: string, status: string): void {
    this.#ends.set(jobId, status);
  }

  wrong(what: string): void {
    this.#wrong.push(what);
  }

  /** Checks that submitted = completed + failed + cancelled + rejected. */
  balance(server: ServerProcess): Balance {
    const { byRequest, complaints } = jobsOf(server);
    const sheet = new Sheet([...this.#wrong, ...complaints]);
    for (const requestId of this.#sent) {
      const job = byRequest.get(requestId);
      if (job) sheet.addJob(job, this.#ends.get(job.id));
      else sheet.addRefusal(requestId, this.#whyNoJob(requestId));
    }
    return sheet.close(this.#sent.size);
  }

  #whyNoJob(requestId: string): string | undefined {
    return this.#refusals.get(requestId) ?? (this.#hangUps.has(requestId) ? 'hung up' : undefined);
  }
}

/** Collects the values of a balance. */
class Sheet {
  readonly #wrong: string[];
  readonly #failed: Record<string, number> = {};
  readonly #refused: Record<string, number> = {};
  #completed = 0;
  #cancelled = 0;

  constructor(wrong: string[]) {
    this.#wrong = wrong;
  }

  addRefusal(requestId: string, why: string | undefined): void {
    if (why === undefined) this.#wrong.push(`${requestId} was neither taken nor refused`);
    else count(this.#refused, why);
  }

  /** @param seen the end of the job as a client saw it */
  addJob({ id, ends }: LoggedJob, seen: string | undefined): void {
    const [only] = ends;
    if (only === undefined || ends.length > 1) {
      this.#wrong.push(`${id} ended ${ends.length} times: ${ends.join()}`);
      return;
    }
    const [end, reason = ''] = only.split(' ');
    if (seen !== undefined && seen !== end) this.#wrong.push(`${id} was seen ${seen} and is ${end}`);
    if (end === 'completed') this.#completed += 1;
    else if (end === 'cancelled') this.#cancelled += 1;
    else this.#addFailure(id, reason);
  }

  close(submitted: number): Balance {
    const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, n) => all + n, 0);
    const accounted = this.#completed + this.#cancelled + sum(this.#failed) + sum(this.#refused);
    if (accounted !== submitted) {
      this.#wrong.push(`${submitted} were submitted, ${accounted} are accounted for`);
    }
    return {
      submitted,
      completed: this.#completed,
      failed: this.#failed,
      cancelled: this.#cancelled,
      refused: this.#refused,
      wrong: this.#wrong,
    };
  }

  #addFailure(id: string, reason: string): void {
    count(this.#failed, reason);
    if (!INJECTED.has(reason)) this.#wrong.push(`${id} failed for a reason of its own: ${reason}`);
  }
}

interface LoggedJob {
  readonly id: string;
  readonly ends: string[];
}

/** The jobs that the server logged as accepted, and how each ended. */
function jobsOf(server: ServerProcess) {
  const byRequest = new Map<string, LoggedJob>();
  const byId = new Map<string, LoggedJob>();
  const complaints: string[] = [];
  for (const line of server.lines()) {
    const jobId = String(line['jobId']);
    if (line.message === 'Job accepted') {
      const job = { id: jobId, ends: [] };
      byRequest.set(String(line['requestId']), job);
      byId.set(jobId, job);
    } else if (/^Job (completed|cancelled|failed)$/.test(line.message)) {
      const category = line['category'] === undefined ? '' : ` ${line['category']}`;
      byId.get(jobId)?.ends.push(`${line.message.slice(4)}${category}`);
    } else if (/Unexpected error|went wrong|Request failed/.test(line.message)) {
      complaints.push(JSON.stringify(line));
    }
  }
  return { byRequest, complaints };
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
