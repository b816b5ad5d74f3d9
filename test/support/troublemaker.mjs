// Loaded into the server before anything else (`node --import`): makes the trouble that its parent sends the name of.
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
// Listening to its parent is no reason for the server to go on.
process.channel?.unref();
