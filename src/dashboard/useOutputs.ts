import { useEffect, useState } from 'preact/hooks';
import {
  type CompletedStatus,
  type MiddlewareClient,
  MiddlewareError,
  type OutputFile,
} from '../client/index.js';
import { messageOf } from './errors.js';

/** A downloaded output. */
export interface Shown {
  readonly output: OutputFile;
  readonly blob: Blob;
  readonly url: string;
  /** Only for a text output. */
  readonly text: string | undefined;
}

interface Fetched {
  /** Undefined while loading. */
  readonly shown: readonly [Shown, ...Shown[]] | undefined;
  readonly problem: string | undefined;
  /** Whether the server deleted the result. */
  readonly isGone: boolean;
}

const NOTHING: Fetched = { shown: undefined, problem: undefined, isGone: false };

/** Loads the outputs of a job while it is shown. */
export function useOutputs(client: MiddlewareClient, status: CompletedStatus): Fetched {
  const [fetched, setFetched] = useState(NOTHING);
  const id = status.job_id;
  useEffect(() => {
    const over = new AbortController();
    const urls: string[] = [];
    // Fetched with the API key, which an `<img>` request cannot send.
    const fetchOne = async (output: OutputFile): Promise<Shown> => {
      const blob = await output.blob(over.signal);
      const url = URL.createObjectURL(blob);
      urls.push(url);
      return { output, blob, url, text: output.kind === 'text' ? await blob.text() : undefined };
    };
    const fetchAll = async () => {
      const [first, ...others] = client.outcome(status).outputs;
      return [await fetchOne(first), ...(await Promise.all(others.map(fetchOne)))] as const;
    };
    setFetched(NOTHING);
    fetchAll()
      .then(([first, ...others]) => setFetched({ ...NOTHING, shown: [first, ...others] }))
      .catch((error) => {
        if (!over.signal.aborted) setFetched({ ...NOTHING, ...problemOf(error) });
      });
    return () => {
      over.abort();
      for (const url of urls) URL.revokeObjectURL(url);
    };
  }, [client, id]);
  return fetched;
}

function problemOf(error: unknown): Pick<Fetched, 'problem' | 'isGone'> {
  const isGone = error instanceof MiddlewareError && (error.status === 404 || error.status === 410);
  return { problem: isGone ? 'The server no longer keeps this result.' : messageOf(error), isGone };
}
