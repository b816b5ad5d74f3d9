import type { z } from 'zod';
import type { circuitBreakerChangedAnswer } from '../schemas/metrics.js';
import type { healthAnswer } from '../schemas/status.js';
import type { Instance } from '../services/instances/Instance.js';
import { isoOrNull } from '../utils/clock.js';
import { rounded } from '../utils/figures.js';

/** @param nameOf how the caller may know it */
export function instanceView(
  instance: Instance,
  nameOf: (instance: Instance) => string = ({ host }) => host,
): z.input<typeof healthAnswer>['comfyui_instances']['instances'][number] {
  const { health, breaker, missingNodes } = instance;
  const { state, failures, errorRate } = breaker.snapshot;
  return {
    id: instance.address.id,
    host: nameOf(instance),
    status: instance.isHealthy ? 'healthy' : 'unhealthy',
    last_check: isoOrNull(health.lastCheck),
    response_time_ms: rounded(health.responseTimeMs ?? null, 1),
    active_jobs: instance.activeJobs,
    circuit_breaker: { state, failures, error_rate: rounded(errorRate, 4) },
    ...(missingNodes.length > 0 ? { missing_nodes: missingNodes } : {}),
    ...(health.problem ? { problem: health.problem.reason } : {}),
  };
}

/** An instance's circuit breaker, as it is shown. */
export function breakerView({
  address,
  host,
  breaker,
}: Instance): z.input<typeof circuitBreakerChangedAnswer>['circuit_breaker'] {
  const snapshot = breaker.snapshot;
  return {
    name: address.id,
    host,
    state: snapshot.state,
    failure_count: snapshot.failures,
    failure_threshold: snapshot.failureThreshold,
    reset_timeout_ms: snapshot.resetTimeoutMs,
    last_failure_time: isoOrNull(snapshot.lastFailureTime),
    next_attempt_time: isoOrNull(snapshot.nextAttemptTime),
    success_count: snapshot.successCount,
    total_requests: snapshot.totalRequests,
    error_rate: rounded(snapshot.errorRate, 4),
    forced: snapshot.forced,
  };
}
