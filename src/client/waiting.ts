import { EventSourceParserStream } from 'eventsource-parser/stream';

/** The server writes at least a comment every 15 seconds; a stream that is silent for longer is dead. */
const SILENCE_MS = 40_000;

/**
 * Reads an event stream.
 * @throws the error that breaks the stream, including an abort or a silence
 */
export async function* readEvents(
  open: (signal: AbortSignal) => Promise<Response>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ event: string | undefined; data: string }> {
  const silence = new AbortController();
  const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
  let watchdog: ReturnType<typeof setTimeout> | undefined;
  let isWaiting = true;
  const heard = () => {
    clearTimeout(watchdog);
    // While the consumer works, nobody reads, so nothing is heard.
    if (isWaiting)
      watchdog = setTimeout(() => silence.abort(new Error('The event stream is silent.')), SILENCE_MS);
  };
  try {
    heard();
    const { body } = await open(either);
    if (!body) return;
    const listen = new TransformStream<string, string>({
      transform(part, controller) {
        heard();
        controller.enqueue(part);
      },
    });
    const events = body
      // Two declarations of the same standard class, Node's and the browser's, differ in a type parameter.
      .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
      .pipeThrough(listen)
      .pipeThrough(new EventSourceParserStream());
    const reader = events.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        isWaiting = false;
        clearTimeout(watchdog);
        yield { event: value.event, data: value.data };
        isWaiting = true;
        heard();
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

/** Resolves after `ms`. @throws the signal's reason if it is aborted */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
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

/**
 * Calls `work` with a signal that is aborted `ms` after `signal`.
 * @throws the signal's reason if it was aborted before, or if it is aborted and the work fails
 */
export async function withLateAbort<T>(
  signal: AbortSignal,
  ms: number,
  work: (late: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const late = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onAbort = () => {
    timer = setTimeout(() => late.abort(signal.reason), ms);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(late.signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}
