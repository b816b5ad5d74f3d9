import type { Pace } from '../middleware/pace.js';
import type { BodyLimits } from '../middleware/receiveBody.js';
import type { RouteContext } from './Endpoint.js';

type Context = Pick<RouteContext, 'services' | 'config'>;

/** Returns the limits for a body of at most this size. */
export function bodyLimits({ services, config }: Context, maxBytes: number): BodyLimits {
  return { maxBytes, pace: uploadPace(config), budget: services.uploadBudget };
}

/** Returns the minimum speed of uploads. */
export function uploadPace({ uploads }: Pick<Context['config'], 'uploads'>): Pace {
  return { minBytesPerSecond: uploads.minBytesPerSecond, wholeMs: uploads.timeoutMs };
}
