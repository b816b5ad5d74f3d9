import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Settings for results in a store of its own. @param limit of the memory for finished jobs, and of one job, bytes */
export async function resultLimits(store: string, limit: number): Promise<Record<string, string>> {
  return {
    ASSET_STORE: store,
    ASSET_DIR: await mkdtemp(path.join(tmpdir(), 'assets-')),
    MAX_RESULT_MEMORY: String(limit),
    MAX_RESULT_SIZE: String(limit),
  };
}
