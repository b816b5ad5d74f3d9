import type { Request } from 'express';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { circuitBreakerChangedAnswer, circuitBreakersAnswer } from '../../schemas/metrics.js';
import type { Services } from '../../services/index.js';
import type { Instance } from '../../services/instances/Instance.js';
import { toIso } from '../../utils/clock.js';
import { breakerView } from '../../views/instanceViews.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

const path = z.object({
  name: z.string().meta({ description: 'instance-1, instance-2, … in the order of COMFYUI_HOST.' }),
});
const responses = { 200: { description: 'Changed.', schema: circuitBreakerChangedAnswer } };

/** The circuit breakers: list them, and open or close one manually. */
export const circuitBreakerEndpoints: readonly Endpoint[] = [
  {
    id: 'circuit_breakers',
    method: 'get',
    path: '/api/circuit-breakers',
    tag: TAGS.breakers,
    summary: 'Lists the circuit breakers.',
    access: 'key',
    responses: { 200: { description: 'The breakers by name.', schema: circuitBreakersAnswer } },
    handler:
      ({ services: { instances, clock } }) =>
      (_request, response) => {
        const body: z.input<typeof circuitBreakersAnswer> = {
          timestamp: toIso(clock.now()),
          circuit_breakers: Object.fromEntries(
            instances.map((instance) => [instance.address.id, breakerView(instance)]),
          ),
        };
        response.json(body);
      },
  },
  {
    id: 'open_breaker',
    method: 'post',
    path: '/api/circuit-breakers/{name}/open',
    tag: TAGS.breakers,
    summary: 'Takes an instance out of service until the breaker is closed. Running jobs finish.',
    access: 'admin',
    request: { path },
    responses,
    errors: [404],
    handler:
      ({ services }) =>
      async (request, response) => {
        const instance = instanceOf(request, services);
        await services.breakers.open(instance);
        const body: z.input<typeof circuitBreakerChangedAnswer> = {
          message: 'Opened until it is closed manually. Running jobs finish.',
          circuit_breaker: breakerView(instance),
        };
        response.json(body);
      },
  },
  {
    id: 'close_breaker',
    method: 'post',
    path: '/api/circuit-breakers/{name}/close',
    tag: TAGS.breakers,
    summary: 'Puts an instance back into service.',
    access: 'admin',
    request: { path },
    responses,
    errors: [404],
    handler:
      ({ services }) =>
      async (request, response) => {
        const instance = instanceOf(request, services);
        await services.breakers.close(instance);
        const body: z.input<typeof circuitBreakerChangedAnswer> = {
          message: 'Closed.',
          circuit_breaker: breakerView(instance),
        };
        response.json(body);
      },
  },
];

/** @throws AppError `BREAKER_NOT_FOUND` */
function instanceOf(request: Request, { instances }: Services): Instance {
  const name = String(request.params['name']);
  // The latest: an earlier one of the same name is leaving.
  const found = instances.findLast(({ address }) => address.id === name);
  if (found) return found;
  throw new AppError('BREAKER_NOT_FOUND', `There is no circuit breaker ${name.slice(0, 100)}.`, {
    details: { known_names: instances.map(({ address }) => address.id) },
  });
}
