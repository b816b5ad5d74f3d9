import type { z } from 'zod';
import type { circuitBreakerChangedAnswer } from '../schemas/metrics.js';
import type { healthAnswer } from '../schemas/status.js';
import type { Instance } from '../services/instances/Instance.js';
import { isoOrNull, toIso } from '../utils/clock.js';
import { rounded } from '../utils/figures.js';

/**
 * Returns the state of an instance.
 * @param nameOf returns the name that the caller may see
 * @param options.isForStrangers omits fields that may contain addresses
 * @param options.promptsOfOthers number in its queue
 */
export function instanceView(
  instance: Instance,
  nameOf: (instance: Instance) => string = ({ host }) => host,
  { isForStrangers = false, promptsOfOthers = 0 } = {},
): z.input<typeof healthAnswer>['comfyui_instances']['instances'][number] {
  const { health, breaker, missingNodes } = instance;
  const { state, failures, errorRate, forced, openSince } = breaker.snapshot;
  return {
    id: instance.address.id,
    host: nameOf(instance),
    status: instance.isHealthy ? 'healthy' : 'unhealthy',
    last_check: isoOrNull(health.lastCheck),
    response_time_ms: rounded(health.responseTimeMs ?? null, 1),
    active_jobs: instance.activeJobs,
    circuit_breaker: {
      state,
      failures,
      error_rate: rounded(errorRate, 4),
      forced,
      open_since: isoOrNull(openSince),
    },
    ...(health.isWarming ? { state: 'warming' as const } : {}),
    ...(promptsOfOthers > 0 ? { prompts_of_others: promptsOfOthers } : {}),
    ...(missingNodes.length > 0 ? { missing_nodes: missingNodes } : {}),
    ...(health.downSince === undefined ? {} : { down_since: toIso(health.downSince) }),
    ...(health.lastError === undefined || isForStrangers ? {} : { last_error: health.lastError }),
    ...(health.problem ? { problem: health.problem.reason, problem_since: toIso(health.problem.since) } : {}),
  };
}

/** Returns the circuit breaker of an instance. */
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
    open_since: isoOrNull(snapshot.openSince),
  };
}
