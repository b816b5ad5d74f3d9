import { AppError } from '../../errors.js';
import { outputPlaces, parseOutputId } from '../../utils/outputIds.js';
import type { ClientAssets } from '../assets/ClientAssets.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { AssetFiles } from './FileGathering.js';
import type { ReceivedFile } from './Submission.js';

/** Reads assets that clients uploaded, and outputs of completed jobs. */
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
    if (job.request.owner !== owner || job.status !== 'completed') return undefined;
    const index = outputPlaces(job.result.outputs).indexOf(place);
    const { output, bytes } = await manager.outputs.storedOutput(jobId, index);
    return { bytes, filename: output.filename };
  } catch (error) {
    // The job or its result is deleted.
    if (error instanceof AppError && error.status < 500) return undefined;
    throw error;
  }
}
