import { AppError } from '../../errors.js';
import { parseOutputId } from '../../utils/outputIds.js';
import type { ClientAssets } from '../assets/ClientAssets.js';
import { outputAt } from '../jobs/committedOutputs.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { AssetFile, AssetFiles } from './FileGathering.js';

/** Reads assets that clients uploaded, and outputs of jobs, whether they run or have ended. */
export function ownAssetFiles(assets: ClientAssets, manager: JobManager): AssetFiles {
  return {
    read: async (id, owner) => {
      const output = parseOutputId(id);
      try {
        return output ? await outputFile(manager, output, owner) : await clientFile(assets, id, owner);
      } catch (error) {
        // It does not exist, or the job or its result is deleted.
        if (error instanceof AppError && error.status < 500) return undefined;
        throw error;
      }
    },
  };
}

async function clientFile(assets: ClientAssets, id: string, owner: string | undefined): Promise<AssetFile> {
  const asset = await assets.get(id, (one) => one === owner);
  return {
    bytes: assets.file(asset),
    filename: asset.filePath ?? '',
    isBorrowed: true,
    renew: () => assets.renew(asset),
  };
}

async function outputFile(
  manager: JobManager,
  { jobId, place }: { jobId: string; place: string },
  owner: string | undefined,
): Promise<AssetFile | undefined> {
  const job = await manager.get(jobId);
  const output = job.request.owner === owner ? outputAt(job, place) : undefined;
  if (!output) return undefined;
  const bytes = await manager.outputs.bytesOf(jobId, output);
  return { bytes, filename: output.filename, isBorrowed: true };
}
