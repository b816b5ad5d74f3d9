import { AppError } from '../../errors.js';
import { parseOutputId } from '../../utils/outputIds.js';
import type { ClientAssets } from '../assets/ClientAssets.js';
import { outputAt } from '../jobs/committedOutputs.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { AssetFiles } from './FileGathering.js';
import type { ReceivedFile } from './Submission.js';

/** Reads assets that clients uploaded, and outputs of jobs, whether they run or have ended. */
export function ownAssetFiles(assets: ClientAssets, manager: JobManager): AssetFiles {
  return {
    read: async (id, owner) => {
      const output = parseOutputId(id);
      if (output) return outputFile(manager, output, owner);
      const asset = await assets.use(id, owner);
      return asset && { bytes: assets.file(asset), filename: asset.filePath ?? '' };
    },
  };
}

async function outputFile(
  manager: JobManager,
  { jobId, place }: { jobId: string; place: string },
  owner: string | undefined,
): Promise<ReceivedFile | undefined> {
  try {
    const job = await manager.get(jobId);
    const output = job.request.owner === owner ? outputAt(job, place) : undefined;
    return output && { bytes: await manager.outputs.bytesOf(jobId, output), filename: output.filename };
  } catch (error) {
    // The job or its result is deleted.
    if (error instanceof AppError && error.status < 500) return undefined;
    throw error;
  }
}
