import { describe, expect, it } from 'vitest';
import { MemoryAssetHolders } from '../../src/services/assets/MemoryAssetHolders.js';
import { testAssetHolders } from '../contracts/assetHolders.js';

testAssetHolders('memory', async () => {
  const holders = new MemoryAssetHolders();
  return { here: holders, there: holders, stop: async () => undefined };
});

describe('holders in memory', () => {
  it('end with the process', async () => {
    const holders = new MemoryAssetHolders();
    await holders.take('h', 'a');
    await holders.take('h', 'b');
    await holders.take('i', 'a');
    expect(holders.close()).toEqual(['h', 'i']);
    expect(holders.close()).toEqual([]);
    expect(await holders.release('h', 'a')).toBe(false);
  });
});
