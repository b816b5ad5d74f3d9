import { beforeEach, describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../src/services/instances/circuitBreaker.js';
import type { Instance } from '../../src/services/instances/Instance.js';
import { type Cause, type JobOrigin, JobVerdicts } from '../../src/services/instances/JobVerdicts.js';

const OPTIONS = { failureThreshold: 3, resetTimeoutMs: 1000, maxResetTimeoutMs: 3000 };
const machine = () => ({ breaker: new CircuitBreaker(OPTIONS, { now: () => 0 }) }) as unknown as Instance;

let verdicts: JobVerdicts;
let takenOut: Instance[];
let jobs = 0;
let a: Instance;
let b: Instance;

beforeEach(() => {
  takenOut = [];
  verdicts = new JobVerdicts(3, (instance) => takenOut.push(instance));
  [a, b] = [machine(), machine()];
});

/** A new job. */
const job = (client: string, workflow = 'upscale-image'): JobOrigin => {
  jobs += 1;
  return { job: `job ${jobs}`, client, workflow };
};

const fails = (instance: Instance, origin: JobOrigin, cause: Cause = 'unclear') =>
  verdicts.failed(instance, origin, cause, new Error('node failed'));

describe('a client whose jobs fail one after the other', () => {
  it('takes no machine out, while others complete jobs of another client', () => {
    for (let n = 0; n < 20; n += 1) {
      fails(a, job('bad'));
      verdicts.completed(b, job('good'));
    }
    expect(takenOut).toEqual([]);
  });

  it('takes no machine out with a graph that no machine completes', () => {
    for (let n = 0; n < 20; n += 1) {
      fails(a, job('same', `graph ${n}`));
      verdicts.completed(b, job('same'));
    }
    expect(takenOut).toEqual([]);
  });

  it('shows a bad machine if others complete its jobs', () => {
    for (const _ of [1, 2, 3]) {
      fails(a, job('one'));
      verdicts.completed(b, job('one'));
    }
    expect(takenOut).toEqual([a]);
  });
});

describe('a machine that fails the jobs of several clients', () => {
  it('is taken out when others complete any job', () => {
    for (const client of ['one', 'two']) fails(a, job(client));
    verdicts.completed(b, job('four', 'remove-background'));
    expect(takenOut).toEqual([]);
    fails(a, job('three'));
    expect(takenOut).toEqual([a]);
  });

  it('stays while no other completes anything', () => {
    for (const client of ['one', 'two', 'three', 'four']) fails(a, job(client));
    expect(takenOut).toEqual([]);
  });
});

it('a machine that alone can have caused the failures is taken out, whoever sent the jobs', () => {
  for (const _ of [1, 2, 3]) fails(a, job('one'), 'machine');
  expect(takenOut).toEqual([a]);
});

it('a job that failed on two machines does not count anymore', () => {
  for (let n = 0; n < 9; n += 1) {
    const bad = job(`client ${n}`);
    for (const instance of [a, b, a]) fails(instance, bad);
    verdicts.completed(machine(), job('good'));
  }
  expect(takenOut).toEqual([]);
});

describe('jobs that run too long', () => {
  it('of one client open one breaker at most, and none if they do so on several machines', () => {
    for (let n = 0; n < 20; n += 1) for (const one of [a, b]) fails(one, job('bad', `graph ${n}`), 'timeout');
    expect(takenOut).toEqual([]);
  });

  it('of one client on one machine show that it hangs, but not the next one', () => {
    for (const _ of [1, 2, 3]) fails(a, job('one'), 'timeout');
    expect(takenOut).toEqual([a]);
    for (let n = 0; n < 20; n += 1) fails(b, job('one'), 'timeout');
    expect(takenOut).toEqual([a]);
  });

  it('show that a machine hangs if another one completes jobs of the client', () => {
    fails(b, job('one'), 'timeout');
    verdicts.completed(b, job('one'));
    for (const _ of [1, 2, 3]) fails(a, job('one'), 'timeout');
    expect(takenOut).toEqual([a]);
  });

  it('show that machines hang if they are of several clients', () => {
    for (const client of ['one', 'two', 'three'])
      for (const one of [a, b]) fails(one, job(client), 'timeout');
    expect(takenOut).toEqual([a, b]);
  });
});
