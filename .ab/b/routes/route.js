import { AppError } from '../errors.js';
/** Adds a path with its methods; any other method is a 405 that names them. */
export function route(router, path, handlers) {
    const entry = router.route(path);
    for (const [method, handler] of Object.entries(handlers))
        entry[method](handler);
    const allowed = Object.keys(handlers).map((method) => method.toUpperCase());
    if (allowed.includes('GET'))
        allowed.push('HEAD');
    entry.all((request, response) => {
        response.set('Allow', allowed.join(', '));
        throw new AppError('METHOD_NOT_ALLOWED', `${request.method} is not possible here, only ${allowed.join(', ')}.`);
    });
}
//# sourceMappingURL=route.js.map