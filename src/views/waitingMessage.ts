import type { Waiting } from '../services/jobs/Dispatcher.js';
import type { Job } from '../services/jobs/Job.js';

/** Returns why a job is pending, as a sentence. @param waiting `undefined` if this server does not know */
export function waitingMessage({ attempts }: Job, waiting: Waiting | undefined): string {
  const words = wordsFor(waiting);
  return attempts > 0 ? `Waiting for another attempt. ${words}` : words;
}

function wordsFor(waiting: Waiting | undefined): string {
  const { reason, why = '', jobsAhead } = waiting ?? {};
  switch (reason) {
    case 'no machine can run it':
      return why === '' ? 'No machine can run it.' : `No machine can run it: ${lowerCased(why)}`;
    case 'waits for a faster machine':
      return 'Waiting for a faster machine.';
    case 'waits for its turn':
      if (jobsAhead === undefined) return 'Waiting for its turn.';
      if (jobsAhead === 0) return 'Waiting for a free machine.';
      return `Waiting for its turn: ${jobsAhead} ${jobsAhead === 1 ? 'job' : 'jobs'} ahead.`;
    case undefined:
      return 'Waiting for a free machine.';
  }
}

const lowerCased = (sentence: string) => sentence.charAt(0).toLowerCase() + sentence.slice(1);
