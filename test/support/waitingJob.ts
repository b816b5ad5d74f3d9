import type { WaitingJob } from '../../src/services/instances/scheduling/types.js';

/** A job for the scheduler: of client A and workflow `w`, without models, unless `parts` says otherwise. */
export const waitingJob = (id: string, parts: Partial<WaitingJob> = {}): WaitingJob => ({
  id,
  client: 'A',
  workflow: 'w',
  models: [],
  priority: 0,
  enqueuedAt: 0,
  isAgain: false,
  avoid: new Set(),
  largest: 0,
  ...parts,
});
