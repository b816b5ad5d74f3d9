import { useEffect, useState } from 'preact/hooks';
import type { MiddlewareClient } from '../client/index.js';

/**
 * The object URL of a thumbnail of a job's result. Fetched with the API key, which an `<img>` request cannot send.
 * @param jobId undefined to load nothing
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
      // An expired result has no thumbnail.
      .catch(() => undefined);
    return () => {
      over.abort();
      setUrl(undefined);
      if (made) URL.revokeObjectURL(made);
    };
  }, [client, jobId]);
  return url;
}
