import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/utils/turns.js';

const KB = 1024;
const MB = 1024 * KB;

/** What starts in each turn of the event loop if pieces of these sizes are ready at the same time. */
async function turnsOf(sizes: readonly number[]): Promise<number[][]> {
  const turns = new Turns();
  let now: number[] = [];
  const begun: number[][] = [];
  const all = Promise.all(sizes.map((bytes) => turns.take(bytes).then(() => now.push(bytes))));
  let isOver = false;
  void all.then(() => {
    isOver = true;
  });
  while (!isOver) {
    await nextTurn();
    if (now.length > 0) begun.push(now);
    now = [];
  }
  return begun;
}

describe('large pieces of work', () => {
  it('have a turn of the event loop each, in their order', async () => {
    expect(await turnsOf([3 * MB, MB, 20 * MB, 2 * MB])).toEqual([[3 * MB], [MB], [20 * MB], [2 * MB]]);
  });

  it('share one as long as they are a megabyte together', async () => {
    const some = 300 * KB;
    expect(await turnsOf([some, some, some, some, MB, some])).toEqual([
      [some, some, some],
      [some],
      [MB],
      [some],
    ]);
  });

  it('let small ones begin at once', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const large = turns.take(MB).then(() => order.push('large'));
    await turns.take(64 * KB);
    order.push('small');
    await large;
    await turns.take(5 * MB);
    expect(order).toEqual(['small', 'large']);
  });
});
