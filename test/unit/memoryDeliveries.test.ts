import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryDeliveryStore } from '../../src/services/webhooks/MemoryDeliveryStore.js';
import { silentLogger } from '../../src/utils/logger.js';
import { testDeliveryStore } from '../contracts/deliveryStore.js';

testDeliveryStore('memory', async (listener) => {
  const store = new MemoryDeliveryStore(new MemoryJobEvents(silentLogger));
  await store.start(listener);
  return { store, ofAnotherServer: store, stop: () => store.stop() };
});
