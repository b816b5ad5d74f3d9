// Loaded into the server before anything else (`node --import`): causes the fault that its parent sends by name.
import { MemoryBlobStore } from '../../dist/services/jobs/BlobStore.js';

const troubles = {
  'unhandled rejection': () => void Promise.reject(new Error('a stray rejection')),
  'uncaught exception': () =>
    setImmediate(() => {
      throw new Error('a stray exception');
    }),
  'hanging store': () => {
    for (const method of ['put', 'get', 'delete']) {
      MemoryBlobStore.prototype[method] = () => new Promise(() => undefined);
    }
  },
};

process.on('message', (name) => {
  troubles[name]();
  process.send(`done: ${name}`);
});
// The channel to the parent must not keep the server running.
process.channel?.unref();
