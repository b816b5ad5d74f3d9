import { expect, it } from 'vitest';
import { unlessAborted } from '../../src/utils/deadline.js';

it('work that fails after its signal was aborted is no unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    for (const isEarly of [true, false]) {
      const controller = new AbortController();
      let fail: (reason: Error) => void = () => undefined;
      const work = new Promise<never>((_, reject) => {
        fail = reject;
      });
      if (isEarly) controller.abort(new Error('stopped'));
      const waiting = unlessAborted(work, controller.signal);
      if (!isEarly) controller.abort(new Error('stopped'));
      await expect(waiting).rejects.toThrow('stopped');
      fail(new Error('too late'));
      // Node tells of unhandled rejections after the microtasks of a turn.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
  }
});
