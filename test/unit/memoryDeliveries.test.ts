import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import { MemoryDeliveryStore } from '../../src/services/webhooks/MemoryDeliveryStore.js';
import { silentLogger } from '../../src/utils/logger.js';
import { testDeliveryStore } from '../contracts/deliveryStore.js';

testDeliveryStore('memory', async (listener) => {
  const make = () => new MemoryDeliveryStore(new MemoryJobEvents(silentLogger));
  const store = make();
  await store.start(listener);
  return { store, ofAnotherServer: store, ofStartingServer: make(), stop: () => store.stop() };
});
