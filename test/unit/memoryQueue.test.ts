import { MemoryIdempotencyStore } from '../../src/services/queue/memory/MemoryIdempotencyStore.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';
import { MemoryJobStore } from '../../src/services/queue/memory/MemoryJobStore.js';
import { testIdempotencyStore } from '../contracts/idempotencyStore.js';
import { testJobEvents } from '../contracts/jobEvents.js';
import { testJobQueue } from '../contracts/jobQueue.js';
import { testJobStore } from '../contracts/jobStore.js';

const stop = async () => undefined;

testJobQueue('memory', async () => {
  const queue = new MemoryJobQueue();
  return { queue, ofAnotherServer: queue, stop };
});

testJobStore('memory', async () => {
  const store = new MemoryJobStore();
  return { store, ofAnotherServer: store, stop };
});

testJobEvents('in memory', async (logger) => {
  const events = new MemoryJobEvents(logger);
  return { events, ofAnotherServer: events, stop };
});

testIdempotencyStore('memory', async () => {
  const store = new MemoryIdempotencyStore();
  return { store, ofAnotherServer: store, stop };
});
