import { useEffect } from 'preact/hooks';

/**
 * Runs `work` immediately, and again `everyMs` after each run, while the component is mounted and `isOn` is true. Errors are
 * ignored: other parts of the page show that the server is unreachable.
 * @param key a new value restarts the polling
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
