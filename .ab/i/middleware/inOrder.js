/**
 * Several handlers as one: to Express each of its own would be a path to match and a step of its loop, for every
 * request.
 */
export function inOrder(handlers) {
    return (request, response, next) => {
        let done = 0;
        const step = (error) => {
            const handler = handlers[done];
            if (error || !handler)
                return next(error);
            done += 1;
            const result = handler(request, response, step);
            // Express sees the first handler's promise alone.
            if (result instanceof Promise)
                result.catch(next);
        };
        step();
    };
}
//# sourceMappingURL=inOrder.js.map