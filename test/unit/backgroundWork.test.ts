import { expect, it } from 'vitest';
import { BackgroundWork } from '../../src/services/jobs/BackgroundWork.js';
import { STORE_TIMINGS, StoreCalls } from '../../src/services/jobs/StoreCalls.js';
import { tellingUnavailable } from '../../src/services/queue/redis/unavailable.js';
import { RecordingLogger } from '../support/RecordingLogger.js';

it('the log has the reason that Redis gave, not the words for clients', async () => {
  const log = new RecordingLogger();
  const work = new BackgroundWork(new StoreCalls(STORE_TIMINGS), log);
  const reason = "OOM command not allowed when used memory > 'maxmemory'.";
  const store = tellingUnavailable({
    write: async () => {
      throw Object.assign(new Error(reason), { name: 'ReplyError' });
    },
  });
  await work.run('write', () => store.write());
  await work.stop();
  expect(log.lines).toMatchObject([{ level: 'error', fields: { work: 'write', error: reason } }]);
});
