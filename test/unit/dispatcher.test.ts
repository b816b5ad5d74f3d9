import { expect, it } from 'vitest';
import type { LoadBalancer } from '../../src/services/instances/LoadBalancer.js';
import { Scheduler } from '../../src/services/instances/scheduling/Scheduler.js';
import { Dispatcher } from '../../src/services/jobs/Dispatcher.js';
import { WorkflowCatalogue } from '../../src/workflows/WorkflowCatalogue.js';

const KINDS = 1000;
const LOOKS = 20;

it('a dispatcher that many clients ask about their jobs does not plan the whole queue for each', () => {
  let questions = 0;
  const view = {
    id: 'm1',
    freeSlots: 0,
    others: 1,
    ofServers: 0,
    canRun: () => {
      questions += 1;
      return true;
    },
    accepts: () => true,
  };
  const balancer = { views: () => [view], canRun: () => true } as unknown as LoadBalancer;
  const dispatcher = new Dispatcher(
    {
      scheduler: new Scheduler({ maxPassedOverMs: 60_000 }, () => 1000),
      updates: undefined,
      balancer,
      workflows: new WorkflowCatalogue([]),
      graphs: { enter: () => undefined, leave: () => undefined },
      comparison: { isComplete: true },
      clock: { now: () => 0 },
    },
    () => true,
  );
  for (let n = 0; n < KINDS; n += 1)
    dispatcher.enter({ id: `${n}`, type: `kind ${n}`, bytes: 1, largest: 1, tried: new Set() }, false);
  expect(dispatcher.outlook('a job that does not wait')).toBeUndefined();
  expect(questions).toBe(0);
  const last = dispatcher.outlook(`${KINDS - 1}`);
  expect(last).toMatchObject({ reason: 'waits for its turn', jobsAhead: KINDS - 1, machine: 'm1' });
  expect(last?.considered).toMatchObject([{ machine: 'm1' }]);
  questions = 0;
  for (let n = 0; n < LOOKS; n += 1) {
    const outlook = dispatcher.outlook(`${n * 10}`);
    expect([outlook?.jobsAhead, outlook?.considered.length]).toEqual([n * 10, 1]);
  }
  expect(questions).toBeLessThanOrEqual(3 * LOOKS);
});
