// Streams assets through a store in a separate process, and prints the growth of its memory in bytes.
// node --import tsx assetTraffic.mjs STORE_OPTIONS_AS_JSON BYTES_IN READS
import { randomFillSync } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createAssetStore } from '../../src/services/assets/createAssetStore.ts';
import { systemClock } from '../../src/utils/clock.ts';

const CHUNK_BYTES = 64 * 1024;
const WARM_UP_BYTES = 8 * 1024 * 1024;

const [options, bytesIn, reads] = process.argv.slice(2);
const store = createAssetStore(JSON.parse(options), systemClock);
await store.start();

// On a busy computer V8 collects garbage late: garbage must not count as growth.
const GARBAGE_BYTES = 16 * 1024 * 1024;
let passed = 0;
function pass(bytes) {
  passed += bytes;
  if (passed < GARBAGE_BYTES) return;
  passed = 0;
  globalThis.gc();
}

function* noise(bytes) {
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
    const chunk = randomFillSync(Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, left)));
    pass(chunk.length);
    yield chunk;
  }
}

async function comeAndGo(bytes, times) {
  const { hash, sizeBytes } = await store.put(Readable.from(noise(bytes), { objectMode: false }));
  let read = 0;
  const nowhere = () =>
    new Writable({
      write(chunk, _encoding, done) {
        read += chunk.length;
        pass(chunk.length);
        done();
      },
    });
  for (let n = 0; n < times; n += 1) await pipeline(await store.open(hash), nowhere());
  if (sizeBytes !== bytes || read !== bytes * times) throw new Error(`${sizeBytes} bytes in, ${read} out`);
}

const used = () => {
  const { heapUsed, arrayBuffers, external } = process.memoryUsage();
  return heapUsed + Math.max(arrayBuffers, external);
};

// Memory for code that is compiled or loaded once must not count as growth.
await comeAndGo(WARM_UP_BYTES, 1);
globalThis.gc();
const before = { used: used(), rss: process.memoryUsage.rss() };
let highest = { ...before };
const watch = setInterval(() => {
  highest = { used: Math.max(highest.used, used()), rss: Math.max(highest.rss, process.memoryUsage.rss()) };
}, 5);
await comeAndGo(Number(bytesIn), Number(reads));
clearInterval(watch);
await store.stop();
process.stdout.write(JSON.stringify({ used: highest.used - before.used, rss: highest.rss - before.rss }));
