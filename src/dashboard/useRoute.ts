import { useEffect, useState } from 'preact/hooks';

export interface Route {
  readonly view: 'studio' | 'fleet';
  /** Of the job that is to be shown. */
  readonly jobId: string | undefined;
  /** Of the jobs that are to be shown together. */
  readonly batch: string | undefined;
}

/** The address of a job on this page. */
export function jobHash(jobId: string): string {
  return `#job=${encodeURIComponent(jobId)}`;
}

/** The address, in this browser, of jobs that were started together. */
export function batchHash(batch: string): string {
  return `#batch=${batch}`;
}

/** What the address asks for: it can be kept, sent, and gone back from. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = () => setHash(location.hash);
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  const [, name, id] = /^#(job|batch)=([\w-]+)$/.exec(hash) ?? [];
  return {
    view: hash === '#fleet' ? 'fleet' : 'studio',
    jobId: name === 'job' ? id : undefined,
    batch: name === 'batch' ? id : undefined,
  };
}
