import { useEffect, useState } from 'preact/hooks';
import type { WorkStore } from './WorkStore.js';
import type { Work } from './work.js';

/** The current works of a store, newest first. */
export function useWorks(store: WorkStore): readonly Work[] {
  const [works, setWorks] = useState(store.works);
  useEffect(() => {
    setWorks(store.works);
    return store.subscribe(() => setWorks(store.works));
  }, [store]);
  return works;
}
