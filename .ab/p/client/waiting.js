import { EventSourceParserStream } from 'eventsource-parser/stream';
/** The server writes at least a comment every 15 seconds; a stream that says less is dead. */
const SILENCE_MS = 40_000;
/**
 * Reads an event stream.
 * @throws whatever breaks the stream, an abort or a silence among it
 */
export async function* readEvents(open, signal) {
    const silence = new AbortController();
    const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
    let watchdog;
    const heard = () => {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => silence.abort(new Error('The event stream is silent.')), SILENCE_MS);
    };
    try {
        heard();
        const { body } = await open(either);
        if (!body)
            return;
        const listen = new TransformStream({
            transform(part, controller) {
                heard();
                controller.enqueue(part);
            },
        });
        const events = body
            // Two declarations of the same standard class, Node's and the browser's, differ in a type parameter.
            .pipeThrough(new TextDecoderStream())
            .pipeThrough(listen)
            .pipeThrough(new EventSourceParserStream());
        const reader = events.getReader();
        try {
            for (let next = await reader.read(); !next.done; next = await reader.read()) {
                yield { event: next.value.event, data: next.value.data };
            }
        }
        finally {
            await reader.cancel().catch(() => undefined);
        }
    }
    finally {
        clearTimeout(watchdog);
    }
}
/** Resolves after `ms`. @throws the signal's reason when it is aborted */
export function pause(ms, signal) {
    return new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const onAbort = () => {
            clearTimeout(timer);
            reject(signal?.reason);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
        }, ms);
        signal?.addEventListener('abort', onAbort, { once: true });
    });
}
//# sourceMappingURL=waiting.js.map