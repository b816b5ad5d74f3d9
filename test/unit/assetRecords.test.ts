import { MemoryAssetRecords } from '../../src/services/assets/MemoryAssetRecords.js';
import { testAssetRecords } from '../contracts/assetRecords.js';

testAssetRecords('memory', async () => {
  const records = new MemoryAssetRecords();
  return { records, ofAnotherServer: records, stop: async () => undefined };
});
