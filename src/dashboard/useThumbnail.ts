import { useEffect, useState } from 'preact/hooks';
import type { MiddlewareClient } from '../client/index.js';

/**
 * The address of a small picture of a job's result, fetched with the key, which an image's own request could not carry.
 * @param jobId undefined while there is nothing to show
 */
export function useThumbnail(client: MiddlewareClient, jobId: string | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (jobId === undefined) return;
    let made: string | undefined;
    const over = new AbortController();
    client
      .request(`/api/jobs/${jobId}/result/thumbnail`, { signal: over.signal })
      .then((response) => response.blob())
      .then((blob) => {
        if (over.signal.aborted) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      })
      // A result that made room for newer ones has no picture any more.
      .catch(() => undefined);
    return () => {
      over.abort();
      setUrl(undefined);
      if (made) URL.revokeObjectURL(made);
    };
  }, [client, jobId]);
  return url;
}
