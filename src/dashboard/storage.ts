import { createStore, delMany, set, values } from 'idb-keyval';
import { compareWorks, type Work } from './work.js';

/** Older works are deleted. */
const MAX_WORKS = 200;
/** Size limit of all input files; the oldest are deleted. */
const MAX_BYTES = 500 * 1024 * 1024;

/** Older versions of the page stored no index. */
type StoredWork = Omit<Work, 'index'> & Partial<Pick<Work, 'index'>>;

const database = () => createStore('comfyui-express-middleware', 'works');

/**
 * Loads the works of a key, in their order. Empty if the browser stores nothing, as in some private windows: the page also works
 * without.
 */
export async function loadWorks(owner: string | null): Promise<readonly Work[]> {
  try {
    const all = await values<StoredWork>(database());
    const own = all
      .filter((work) => work.owner === owner)
      .map((work): Work => ({ ...work, index: work.index ?? 0 }))
      .sort(compareWorks);
    const kept = own.slice(0, countToKeep(own));
    await deleteWorks(own.slice(kept.length));
    return kept;
  } catch {
    return [];
  }
}

export async function saveWork(work: Work): Promise<void> {
  await set(work.key, work, database()).catch(() => undefined);
}

export async function deleteWorks(works: readonly Work[]): Promise<void> {
  const keys = works.map(({ key }) => key);
  await delMany(keys, database()).catch(() => undefined);
}

function countToKeep(newestFirst: readonly Work[]): number {
  let bytes = 0;
  for (const [index, { task }] of newestFirst.entries()) {
    for (const file of Object.values(task?.files ?? {})) bytes += file.size;
    if (index >= MAX_WORKS || bytes > MAX_BYTES) return index;
  }
  return newestFirst.length;
}
