import type { z } from 'zod';
import type { metricsSavedAnswer, persistenceAnswer } from '../schemas/metrics.js';
import type { MetricsFile } from '../services/metrics/MetricsFile.js';
import { type Clock, isoOrNull, toIso } from '../utils/clock.js';

/** Returns the response after the metrics file was written. */
export function metricsSavedView({ status }: MetricsFile, clock: Clock): z.input<typeof metricsSavedAnswer> {
  return {
    message: 'Metrics saved.',
    timestamp: toIso(clock.now()),
    file_path: status.filePath,
    file_size_bytes: status.sizeBytes ?? 0,
  };
}

/** Returns when the metrics were last saved, and when they will be saved next. */
export function persistenceView({ status }: MetricsFile): z.input<typeof persistenceAnswer> {
  const { filePath, intervalMs, lastSave, nextSave, sizeBytes, lastError } = status;
  return {
    enabled: true,
    file_path: filePath,
    save_interval_ms: intervalMs,
    last_save: isoOrNull(lastSave),
    next_save: isoOrNull(nextSave),
    file_size_bytes: sizeBytes,
    auto_save_enabled: intervalMs > 0,
    last_error: lastError,
  };
}
