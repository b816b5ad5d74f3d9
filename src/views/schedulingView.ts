import type { z } from 'zod';
import type { jobInfo } from '../schemas/jobs.js';
import type { Assignment, Outlook } from '../services/instances/scheduling/types.js';

/** Returns why a job waits, or why it was assigned to its machine. Other clients' jobs are not named. */
export function schedulingView(one: Outlook | Assignment): z.input<typeof jobInfo>['scheduling'] {
  const { reason, machine, considered } = one;
  return {
    state: 'job' in one ? 'assigned' : 'waiting',
    reason,
    machine: machine ?? null,
    ...('jobsAhead' in one && one.jobsAhead !== undefined ? { jobs_ahead: one.jobsAhead } : {}),
    ...('expectedMs' in one && one.expectedMs !== undefined
      ? { expected_seconds: one.expectedMs / 1000 }
      : {}),
    considered: considered.map(({ machine: name, isFree, expectedMs, waitMs, loadMs }) => ({
      machine: name,
      is_free: isFree,
      expected_seconds: expectedMs / 1000,
      wait_seconds: waitMs / 1000,
      load_seconds: loadMs / 1000,
    })),
  };
}
