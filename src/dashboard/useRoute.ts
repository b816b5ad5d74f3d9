import { useEffect, useState } from 'preact/hooks';

export interface Route {
  readonly view: 'studio' | 'fleet';
  /** The job to show. */
  readonly jobId: string | undefined;
  /** The batch to show. */
  readonly batch: string | undefined;
}

/** The URL hash of a job on this page. */
export function jobHash(jobId: string): string {
  return `#job=${encodeURIComponent(jobId)}`;
}

/** The URL hash of a batch, valid in this browser. */
export function batchHash(batch: string): string {
  return `#batch=${batch}`;
}

/**
 * The route from the URL hash: it can be bookmarked and shared, and works with the back button. Each change of the hash by the
 * user is a new object, also if it has the same values: the page itself may have shown something else in the meantime.
 */
export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute);
  useEffect(() => {
    const onChange = () => setRoute(readRoute());
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return route;
}

function readRoute(): Route {
  const { hash } = location;
  const [, name, id] = /^#(job|batch)=([\w-]+)$/.exec(hash) ?? [];
  return {
    view: hash === '#fleet' ? 'fleet' : 'studio',
    jobId: name === 'job' ? id : undefined,
    batch: name === 'batch' ? id : undefined,
  };
}
