import { describe, expect, it } from 'vitest';
import type { ComfyClient } from '../../src/services/comfyui/ComfyClient.js';
import { HistoryCleaner } from '../../src/services/comfyui/HistoryCleaner.js';

describe('history entries that cannot be deleted', () => {
  it('are remembered up to a limit, the newest ones', async () => {
    const requests: (readonly string[])[] = [];
    let isBroken = true;
    const client = {
      deleteHistory: async (ids: readonly string[]) => {
        requests.push(ids);
        if (isBroken) throw new Error('no answer');
      },
    } as ComfyClient;
    const cleaner = new HistoryCleaner();
    const { signal } = new AbortController();
    const ids = Array.from({ length: 1500 }, (_, n) => `prompt-${n}`);
    const ends = await Promise.allSettled(ids.map((id) => cleaner.delete(client, id, signal)));
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
    isBroken = false;
    await cleaner.retry(client, signal);
    await cleaner.retry(client, signal);
    expect(requests).toEqual([ids, ids.slice(500)]);
  });
});
