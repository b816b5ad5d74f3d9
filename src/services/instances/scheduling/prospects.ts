import type { Offer } from './Offer.js';
import type { Plan } from './Plan.js';
import type { Prospect } from './types.js';

/** Maximum number of jobs that are simulated to tell how many are ahead of a job. */
export const MAX_OUTLOOK = 1000;

/** The part of a prospect that nobody knows. */
export const UNKNOWN = { jobsAhead: undefined, machine: undefined, expectedMs: undefined };

/** Yields the prospects of the waiting jobs, in the order of their turns. Changes the plan. */
export function* turnsOf(plan: Plan): Generator<{ id: string; prospect: Prospect }> {
  let jobsAhead = 0;
  for (let seen = 0; seen < MAX_OUTLOOK; seen += 1) {
    const lane = plan.nextLane();
    const job = lane?.head?.job;
    if (!lane || !job) return;
    const offer = plan.bestOffer(lane.kind, job);
    yield { id: job.id, prospect: prospectOf(offer, jobsAhead, plan.hasFree(lane.kind)) };
    if (!offer) {
      plan.passBy(lane);
      continue;
    }
    plan.place(lane, offer);
    jobsAhead += 1;
  }
}

/** @param hasFree whether a free machine can run the job */
function prospectOf(offer: Offer | undefined, jobsAhead: number, hasFree: boolean): Prospect {
  if (!offer) return { reason: 'no machine can run it', ...UNKNOWN };
  const isTurn = jobsAhead === 0 && hasFree && !offer.machine.isFree;
  return {
    reason: isTurn ? 'waits for a faster machine' : 'waits for its turn',
    jobsAhead,
    machine: offer.machine.view.id,
    expectedMs: Math.round(offer.expectedMs),
  };
}
