import { getHeapStatistics } from 'node:v8';
import type { Admission } from '../jobs/Admission.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { JobProcessor } from '../jobs/JobProcessor.js';
import type { UploadBudget } from '../submissions/UploadBudget.js';
import type { PrometheusRegistry } from './PrometheusRegistry.js';

/** The parts of the server that have limits. */
export interface LimitedParts {
  readonly manager: JobManager;
  readonly processor: Pick<JobProcessor, 'pace'>;
  readonly admission: Admission;
  readonly uploadBudget: UploadBudget;
}

/** Exports how full queue and memory are, and their limits. No limit is `+Inf`. */
export function exportLimits(registry: PrometheusRegistry, parts: LimitedParts): void {
  exportQueue(registry, parts);
  const { manager, uploadBudget } = parts;
  registry.gauge({ name: 'upload_bytes', help: 'Bytes of uploads that are being received.' }, () => [
    { value: uploadBudget.bytes },
  ]);
  registry.gauge({ name: 'upload_max_bytes', help: 'Limit of upload_bytes (MAX_UPLOAD_MEMORY).' }, () => [
    { value: uploadBudget.maxBytes },
  ]);
  registry.gauge(
    { name: 'result_memory_bytes', help: 'Bytes of results and prompts that are kept in memory.' },
    () => [{ value: manager.outputs.memory.bytes }],
  );
  registry.gauge(
    { name: 'result_memory_max_bytes', help: 'Limit of result_memory_bytes (MAX_RESULT_MEMORY).' },
    () => [{ value: manager.outputs.memory.maxBytes }],
  );
  registry.total(
    {
      name: 'results_dropped_total',
      help: 'Jobs whose results in memory were dropped early to make room for newer ones.',
    },
    () => [{ value: manager.outputs.memory.dropped }],
  );
  registry.gauge({ name: 'heap_limit_bytes', help: 'What Node lets the heap grow to.' }, () => [
    { value: getHeapStatistics().heap_size_limit },
  ]);
}

function exportQueue(registry: PrometheusRegistry, parts: LimitedParts): void {
  const {
    manager: { figures },
    admission,
    processor,
  } = parts;
  const { maxQueueSize, maxQueueBytes } = admission.limits;
  registry.gauge({ name: 'queue_jobs', help: 'Jobs that wait.' }, async () => [
    { value: (await figures.waiting()).jobs },
  ]);
  registry.gauge({ name: 'queue_max_jobs', help: 'Limit of queue_jobs (MAX_QUEUE_SIZE).' }, () => [
    { value: maxQueueSize },
  ]);
  registry.gauge({ name: 'queue_bytes', help: 'Bytes of the uploads and graphs that wait.' }, async () => [
    { value: (await figures.waiting()).bytes + admission.graphBytes },
  ]);
  registry.gauge({ name: 'queue_max_bytes', help: 'Limit of queue_bytes (MAX_QUEUE_MEMORY).' }, () => [
    { value: maxQueueBytes },
  ]);
  registry.gauge(
    { name: 'queue_seconds', help: 'Seconds that the jobs that wait take with this fleet.' },
    () => [{ value: processor.pace.queueMs / 1000 }],
  );
}
