import { afterEach, expect, it } from 'vitest';
import type { Job } from '../../src/services/jobs/Job.js';
import { MemoryJobStore } from '../../src/services/queue/memory/MemoryJobStore.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

/** A shared store that records the end of a job, whose response is lost as long as `isCutOff`. */
class CutOffStore extends MemoryJobStore {
  isCutOff = true;
  ends = 0;

  override async update(id: string, change: (job: Job) => Job | undefined): Promise<Job | undefined> {
    const updated = await super.update(id, change);
    const job = await this.get(id);
    if (job?.status !== 'completed' || !this.isCutOff) return updated;
    this.ends += 1;
    throw new Error('the connection is lost');
  }
}

let stack: Stack;
afterEach(() => stack.stop());

it('a job whose end is in the store has ended for everybody, although the server that ended it does not know', async () => {
  const jobStore = new CutOffStore();
  stack = await Stack.start({ overrides: { jobStore, isShared: true } });
  const id = await stack.client.submit('remove-background', await png());
  await eventually(() => expect(jobStore.ends).toBeGreaterThan(1));
  expect(await stack.client.status(id)).toMatchObject({ status: 'completed' });
  jobStore.isCutOff = false;
  expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
});
