import { useEffect } from 'preact/hooks';

/**
 * Does something at once and again and again, `everyMs` after it was done last, while the view is there and `isOn`.
 * A rejection ends nothing: a server that is out of reach shows elsewhere on the page.
 * @param key what is done belongs to it: another one starts anew
 */
export function usePolling(
  work: (signal: AbortSignal) => Promise<void>,
  { everyMs, isOn, key }: { everyMs: number; isOn: boolean; key: unknown },
): void {
  useEffect(() => {
    if (!isOn) return;
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const round = async () => {
      await work(over.signal).catch(() => undefined);
      if (!over.signal.aborted) timer = setTimeout(round, everyMs);
    };
    void round();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [key, isOn]);
}
