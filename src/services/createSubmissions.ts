import { randomInt } from 'node:crypto';
import type { Config } from '../config/index.js';
import type { Clock } from '../utils/clock.js';
import type { KeyRing } from '../utils/KeyRing.js';
import type { Logger } from '../utils/logger.js';
import type { ClientAssets } from './assets/ClientAssets.js';
import type { createMachines } from './createMachines.js';
import type { createProcessing } from './createProcessing.js';
import { createInputFetcher } from './factories.js';
import type { Admission } from './jobs/Admission.js';
import type { StreamStore } from './jobs/BlobStore.js';
import { IdempotencyKeys } from './jobs/IdempotencyKeys.js';
import type { JobManager } from './jobs/JobManager.js';
import { NativeApi } from './native/NativeApi.js';
import type { IdempotencyStore } from './queue/IdempotencyStore.js';
import type { ServiceOverrides } from './ServiceOverrides.js';
import { GraphSubmissions } from './submissions/GraphSubmissions.js';
import { ownAssetFiles } from './submissions/ownAssetFiles.js';
import { RepeatedSubmissions } from './submissions/RepeatedSubmissions.js';
import { Submissions } from './submissions/Submissions.js';
import { UploadBudget } from './submissions/UploadBudget.js';
import type { Tracing } from './tracing/Tracing.js';
import type { Webhooks } from './webhooks/Webhooks.js';

interface Parts {
  readonly machines: ReturnType<typeof createMachines>;
  readonly processing: ReturnType<typeof createProcessing>;
  readonly manager: JobManager;
  readonly admission: Admission;
  readonly idempotency: IdempotencyStore;
  readonly clientAssets: ClientAssets;
  /** Store for uploads outside of memory. */
  readonly stream: StreamStore | undefined;
  /** Store of the files that clients keep on the server. */
  readonly kept: StreamStore;
  readonly webhooks: Webhooks | undefined;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly tracing: Tracing;
}

/** Creates the use cases that turn requests into jobs, for each API of the server. */
export function createSubmissions(
  config: Config,
  parts: Parts,
  overrides: ServiceOverrides,
  log: (component: string) => Logger,
) {
  const { machines, processing, manager, admission, clientAssets, stream, kept, webhooks, keys } = parts;
  const { clock, tracing } = parts;
  const idempotencyKeys = new IdempotencyKeys(parts.idempotency, manager.events, (id) => manager.remove(id));
  const repeated = new RepeatedSubmissions(manager, idempotencyKeys);
  const uploadBudget = new UploadBudget(config.uploads.maxBytes, () => admission.retryAfterSeconds());
  const inputs = createInputFetcher(config);
  const machineRetrySeconds = Math.ceil(config.machines.controlTimeoutMs / 1000);
  const submissions = new Submissions(
    {
      manager,
      admission,
      repeated,
      balancer: machines.balancer,
      webhooks,
      stream,
      kept,
      budget: uploadBudget,
      fetcher: overrides.inputFetcher ?? inputs.fetcher,
      assets: overrides.assetFiles ?? ownAssetFiles(clientAssets, manager),
      random: overrides.random ?? randomInt,
      clock,
      tracing,
    },
    {
      maxFileBytes: config.uploads.maxFileBytes,
      imageTypes: config.uploads.imageTypes,
      maxPixels: config.uploads.maxImagePixels,
      maxOutputPixels: config.outputs.maxPixels,
      machineRetrySeconds,
    },
  );
  const graphSubmissions = new GraphSubmissions(
    { submissions, repeated, graphs: machines.graphs, secrets: processing.secrets },
    () => config.api.rawWorkflows ?? (keys.isEmpty ? 'all' : 'admin'),
  );
  const native =
    config.native.port === undefined
      ? undefined
      : new NativeApi(
          {
            manager,
            messages: processing.messages,
            submissions: graphSubmissions,
            instances: machines.fleet.instances,
            stream,
            clock,
            logger: log('native'),
          },
          {
            files: { maxBytes: config.jobs.maxQueueBytes, lifetimeMs: config.assets.lifetimeMs },
            machineRetrySeconds,
            maxOutputPixels: config.outputs.maxPixels,
            maxImagePixels: config.uploads.maxImagePixels,
          },
        );
  return { idempotencyKeys, uploadBudget, submissions, graphSubmissions, native, closeInputs: inputs.close };
}
