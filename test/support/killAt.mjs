// Loaded into the server before anything else (`node --import`): kills its process, like `kill -9`, at the step of a job that
// KILL_AT names.
import { ComfyClient } from '../../dist/services/comfyui/ComfyClient.js';
import { MachineFiles } from '../../dist/services/comfyui/MachineFiles.js';
import { AssetBlobs } from '../../dist/services/jobs/AssetBlobs.js';
import { JobRuns } from '../../dist/services/jobs/JobRuns.js';
import { RedisJobEvents } from '../../dist/services/queue/redis/RedisJobEvents.js';
import { RedisJobQueue } from '../../dist/services/queue/redis/RedisJobQueue.js';
import { RedisJobStore } from '../../dist/services/queue/redis/RedisJobStore.js';
import { RedisSlotLeases } from '../../dist/services/queue/redis/RedisSlotLeases.js';

function die() {
  process.kill(process.pid, 'SIGKILL');
}

/** Kills the process after a call of the method, if its result and arguments match the step. */
function after({ prototype }, method, isMeant = () => true) {
  const original = prototype[method];
  prototype[method] = async function (...values) {
    const answer = await original.apply(this, values);
    if (isMeant(answer, values)) die();
    return answer;
  };
}

/** Kills the process instead of calling the method. */
function before({ prototype }, method, isMeant = () => true) {
  const original = prototype[method];
  prototype[method] = function (...values) {
    if (isMeant(values)) die();
    return original.apply(this, values);
  };
}

const promptOf = (job) => (job?.status === 'processing' ? job.assignment.promptId : undefined);

const steps = {
  'before it has a record': () => before(RedisJobStore, 'insert'),
  'recorded, not queued': () => after(RedisJobStore, 'insert'),
  'queued, not told': () => after(RedisJobQueue, 'add'),
  taken: () => after(RedisJobQueue, 'take', (taken) => taken !== undefined),
  'slot leased': () => after(RedisSlotLeases, 'acquire', (lease) => typeof lease === 'object'),
  begun: () => after(RedisJobStore, 'update', (job) => job?.status === 'processing'),
  'prompt announced': () => after(RedisJobStore, 'update', (job) => promptOf(job) !== undefined),
  submitted: () => after(ComfyClient, 'submit'),
  running: () => before(JobRuns, 'recordProgress'),
  'finished on the machine': () => before(MachineFiles, 'stream'),
  fetched: () => after(MachineFiles, 'stream'),
  stored: () => after(AssetBlobs, 'put', (_key, [name]) => name.includes('/output/')),
  recorded: () => after(RedisJobStore, 'update', (job) => job?.status === 'completed'),
  announced: () => before(RedisJobEvents, 'publish', ([kind]) => kind === 'finished'),
  settled: () => before(ComfyClient, 'deleteHistory'),
};

steps[process.env.KILL_AT]();
