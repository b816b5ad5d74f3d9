import { AppError } from '../errors.js';
import { requireAdmin } from '../middleware/authentication.js';
import { toIso } from '../utils/clock.js';
import { breakerView } from './instanceViews.js';
import { route } from './route.js';
/** The breakers, to look at and to open and close by hand. Names are `instance-1`, `instance-2`, … */
export function circuitBreakerRoutes(router, services) {
    const { instances, checker, clock, logger } = services;
    const log = logger.child({ component: 'breakers' });
    const find = (request) => {
        const name = String(request.params['name']);
        const found = instances.find(({ address }) => address.id === name);
        if (found)
            return found;
        throw new AppError('BREAKER_NOT_FOUND', `There is no circuit breaker ${name.slice(0, 100)}.`, {
            details: { known_names: instances.map(({ address }) => address.id) },
        });
    };
    const list = (_request, response) => {
        const body = {
            timestamp: toIso(clock.now()),
            circuit_breakers: Object.fromEntries(instances.map((instance) => [instance.address.id, breakerView(instance)])),
        };
        response.json(body);
    };
    const open = (request, response) => {
        const instance = find(request);
        instance.breaker.forceOpen();
        log.warn('Circuit breaker opened by hand', { instance: instance.host });
        const body = {
            message: 'Opened until it is closed by hand; running jobs end normally.',
            circuit_breaker: breakerView(instance),
        };
        response.json(body);
    };
    const close = async (request, response) => {
        const instance = find(request);
        instance.breaker.close();
        log.warn('Circuit breaker closed by hand', { instance: instance.host });
        // Jobs that wait may go there at once, if it is well.
        await checker.recheck(instance);
        const body = {
            message: 'Closed.',
            circuit_breaker: breakerView(instance),
        };
        response.json(body);
    };
    route(router, '/api/circuit-breakers', { get: list });
    route(router, '/api/circuit-breakers/:name/open', { post: [requireAdmin, open] });
    route(router, '/api/circuit-breakers/:name/close', { post: [requireAdmin, close] });
}
//# sourceMappingURL=circuitBreakers.js.map