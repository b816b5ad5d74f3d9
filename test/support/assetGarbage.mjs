// Stores buffers in a separate process, and prints how many bytes of them are left after a minor garbage collection.
// node --expose-gc --import tsx assetGarbage.mjs STORE_OPTIONS_AS_JSON COUNT BYTES_EACH
import { randomFillSync } from 'node:crypto';
import { createAssetStore } from '../../src/services/assets/createAssetStore.ts';
import { systemClock } from '../../src/utils/clock.ts';

const [options, count, bytesEach] = process.argv.slice(2);
const store = createAssetStore(JSON.parse(options), systemClock);
await store.start();

const storeOne = async () => {
  await store.put(randomFillSync(Buffer.allocUnsafeSlow(Number(bytesEach))));
};

// What is loaded and compiled once must not count.
await storeOne();
globalThis.gc();
const before = process.memoryUsage().arrayBuffers;
for (let n = 0; n < Number(count); n += 1) await storeOne();
globalThis.gc({ type: 'minor' });
// Another thread returns the memory.
await new Promise((resolve) => setTimeout(resolve, 200));
process.stdout.write(String(process.memoryUsage().arrayBuffers - before));
