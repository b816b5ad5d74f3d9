import type { Request, Response } from 'express';
import { AppError } from '../../errors.js';
import { callerOf, mayUse } from '../../middleware/authentication.js';
import type { ClientAsset } from '../../services/assets/AssetRecords.js';
import { outputAt } from '../../services/jobs/committedOutputs.js';
import type { Job, JobOutput } from '../../services/jobs/Job.js';
import { parseOutputId } from '../../utils/outputIds.js';
import { comfyJobId } from '../../views/comfyViews.js';
import type { RouteContext } from '../Endpoint.js';
import { idOf } from '../ownJob.js';
import { fileHeaders } from '../sendResult.js';
import { ownComfyJob } from './comfyJobs.js';

/** The file of an asset id: an upload of a client, or an output of a job. */
type Found =
  | { readonly asset: ClientAsset }
  | { readonly job: Job; readonly output: JobOutput; readonly place: string };

/**
 * Finds an asset that the caller may use.
 * @throws AppError `ASSET_NOT_FOUND`
 */
export async function assetOf(id: string, response: Response, context: RouteContext): Promise<Found> {
  const parsed = parseOutputId(id);
  if (!parsed) {
    const caller = callerOf(response);
    return { asset: await context.services.clientAssets.get(id, (owner) => mayUse(caller, owner)) };
  }
  const job = await ownComfyJob(context, comfyJobId(parsed.jobId), response).catch((error: unknown) => {
    throw error instanceof AppError && error.code === 'JOB_NOT_FOUND' ? noSuchAsset() : error;
  });
  const output = outputAt(job, parsed.place);
  if (!output) throw noSuchAsset();
  return { job, output, place: parsed.place };
}

function noSuchAsset(): AppError {
  return new AppError('ASSET_NOT_FOUND', 'There is no such asset.');
}

/** Sends the bytes of an asset, or redirects the client to their signed URL. */
export async function sendContent(
  request: Request,
  response: Response,
  context: RouteContext,
): Promise<void> {
  const { services, sender } = context;
  const found = await assetOf(idOf(request), response, context);
  if ('asset' in found) {
    const { asset } = found;
    await sender.file(request, response, {
      bytes: services.clientAssets.file(asset),
      url: () => services.clientAssets.url(asset),
      etag: `"${asset.hash}"`,
      headers: fileHeaders({
        filename: asset.filePath?.split('/').at(-1) || asset.id,
        mimeType: asset.contentType,
        // An uploaded page must not run as a page of this server.
        isDownload: true,
      }),
      gone: () => new AppError('RESULT_EXPIRED', 'The bytes of this asset no longer exist.'),
    });
    return;
  }
  const { job, output, place } = found;
  const bytes = await services.manager.outputs.bytesOf(job.id, output);
  await sender.output(request, response, { job, output, bytes }, { name: place, isDownload: false });
}
