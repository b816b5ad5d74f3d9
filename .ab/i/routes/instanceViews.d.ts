import type { z } from 'zod';
import type { circuitBreakerChangedAnswer } from '../schemas/metrics.js';
import type { healthAnswer } from '../schemas/status.js';
import type { Instance } from '../services/instances/Instance.js';
/** @param nameOf how the caller may know it */
export declare function instanceView(instance: Instance, nameOf?: (instance: Instance) => string): z.input<typeof healthAnswer>['comfyui_instances']['instances'][number];
/** An instance's circuit breaker, as it is shown. */
export declare function breakerView({ address, host, breaker, }: Instance): z.input<typeof circuitBreakerChangedAnswer>['circuit_breaker'];
