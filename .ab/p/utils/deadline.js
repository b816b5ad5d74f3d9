/** The reason of a signal whose time ran out. */
export class DeadlineExceeded extends Error {
    name = 'DeadlineExceeded';
}
/**
 * Runs `work` with a signal that is aborted after `ms` milliseconds (reason: `DeadlineExceeded`) or together with
 * `parent` (its reason). Unlike `AbortSignal.timeout` and `any` it leaves no timer and no listener behind.
 */
export async function withDeadline(ms, parent, work) {
    const controller = new AbortController();
    const onParent = () => controller.abort(parent?.reason);
    if (parent?.aborted)
        onParent();
    const timer = setTimeout(() => controller.abort(new DeadlineExceeded(`not done within ${ms} ms`)), ms);
    parent?.addEventListener('abort', onParent, { once: true });
    try {
        return await work(controller.signal);
    }
    finally {
        clearTimeout(timer);
        parent?.removeEventListener('abort', onParent);
    }
}
/** The promise's value, or a rejection with the signal's reason if that is aborted first. */
export async function unlessAborted(promise, signal) {
    signal.throwIfAborted();
    let onAbort;
    const aborted = new Promise((_, reject) => {
        onAbort = () => reject(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
        return await Promise.race([promise, aborted]);
    }
    finally {
        if (onAbort)
            signal.removeEventListener('abort', onAbort);
    }
}
//# sourceMappingURL=deadline.js.map