import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FinishedJob, Job } from '../../src/services/jobs/Job.js';
import * as transitions from '../../src/services/jobs/transitions.js';
import type { JobEvents } from '../../src/services/queue/JobEvents.js';
import type { Logger } from '../../src/utils/logger.js';
import { eventually } from '../support/eventually.js';
import { JOB_REQUEST } from '../support/jobRequest.js';
import { RecordingLogger } from '../support/RecordingLogger.js';

/** Events as seen by two servers. */
export interface EventsUnderTest {
  readonly events: JobEvents;
  /** The same object if the implementation is in one process. */
  readonly ofAnotherServer: JobEvents;
  stop(): Promise<void>;
}

const pending: Job = transitions.accept('a', JOB_REQUEST, 1);

function ended(job: Job): FinishedJob {
  const cancelled = transitions.cancel(job, 2);
  if (!cancelled) throw new Error('it has ended already');
  return cancelled;
}

/** Tests for every implementation of job events. */
export function testJobEvents(name: string, make: (logger: Logger) => Promise<EventsUnderTest>): void {
  describe(`events ${name}`, () => {
    let log: RecordingLogger;
    let under: EventsUnderTest;
    let events: JobEvents;
    let other: JobEvents;
    beforeEach(async () => {
      log = new RecordingLogger();
      under = await make(log);
      events = under.events;
      other = under.ofAnotherServer;
    });
    afterEach(() => under.stop());

    it('reach everybody who listens to their kind, wherever they are published', async () => {
      const heard: unknown[] = [];
      const heardByOther: unknown[] = [];
      for (const kind of ['changed', 'finished', 'removed', 'resultDropped'] as const) {
        events.subscribe(kind, (event) => heard.push([kind, event]));
        other.subscribe(kind, (event) => heardByOther.push([kind, event]));
      }
      events.publish('changed', ended(pending));
      events.publish('finished', ended(pending));
      events.publish('resultDropped', { id: 'a' });
      events.publish('removed', { id: 'a', why: 'expired' });
      const all = [
        ['changed', ended(pending)],
        ['finished', ended(pending)],
        ['resultDropped', { id: 'a' }],
        ['removed', { id: 'a', why: 'expired' }],
      ];
      // Synchronously on this server, as soon as possible on others.
      expect(heard).toEqual(all);
      await eventually(() => expect(heardByOther).toEqual(all));
    });

    it('that are published here reach who listens to those alone', () => {
      const heard: string[] = [];
      events.subscribe('finished', ({ id }) => heard.push(id), 'here');
      events.publish('finished', ended(pending));
      expect(heard).toEqual(['a']);
    });

    it('of one job reach who follows it, in order, and nobody else', async () => {
      const heard: number[] = [];
      const ofOthers: number[] = [];
      await events.follow('a', ({ progress }) => heard.push(progress));
      await other.follow('a', ({ progress }) => ofOthers.push(progress));
      await other.follow('b', () => heard.push(-1));
      const progress = Array.from({ length: 50 }, (_, n) => n);
      for (const n of progress) events.publish('changed', { ...pending, progress: n });
      expect(heard).toEqual(progress);
      await eventually(() => expect(ofOthers).toEqual(progress));
    });

    it('about the removal of a job reach who follows it, and nobody else', async () => {
      const removed: string[] = [];
      await events.follow(
        'a',
        () => undefined,
        () => removed.push('here'),
      );
      await other.follow(
        'a',
        () => undefined,
        () => removed.push('there'),
      );
      await other.follow(
        'b',
        () => undefined,
        () => removed.push('of another job'),
      );
      events.publish('removed', { id: 'a', why: 'deleted' });
      await eventually(() => expect(removed.sort()).toEqual(['here', 'there']));
    });

    it('are heard no more by who does not want to', async () => {
      const heard: string[] = [];
      const before = events.listeners;
      const unsubscribe = events.subscribe('changed', () => heard.push('all'));
      const unfollow = await events.follow('a', () => heard.push('one'));
      const stays = await events.follow('a', () => heard.push('another'));
      expect(events.listeners).toBe(before + 3);
      unsubscribe();
      unfollow();
      unfollow();
      events.publish('changed', pending);
      expect(heard).toEqual(['another']);
      stays();
      expect(events.listeners).toBe(before);
    });

    it('reach all others where a listener throws, which is logged', async () => {
      const heard: string[] = [];
      const fail = () => {
        throw new Error('boom');
      };
      events.subscribe('finished', fail);
      events.subscribe('finished', () => heard.push('all'));
      await events.follow('a', fail);
      await events.follow('a', () => heard.push('one'));
      events.subscribe('removed', fail);
      events.subscribe('removed', ({ id, why }) => heard.push(`${id} ${why}`));
      events.publish('changed', ended(pending));
      events.publish('finished', ended(pending));
      events.publish('removed', { id: 'a', why: 'expired' });
      await eventually(() => expect(heard).toEqual(['one', 'all', 'a expired']));
      expect(log.lines.map(({ fields }) => String(fields['stack']).split('\n')[0])).toEqual(
        Array(3).fill('Error: boom'),
      );
    });
  });
}
