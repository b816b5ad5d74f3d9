import type { Request, Response } from 'express';
import { type CompletedJob, processingDuration } from '../services/jobs/Job.js';
import { resultFilename } from './jobViews.js';

/** Whether the client asked for the image itself in place of JSON with the image in it. */
export function wantsImage(request: Request, mimeType: string): boolean {
  const accepted = request.accepts(['application/json', mimeType]);
  if (accepted !== false) return accepted === mimeType;
  // `Accept: image/png` for a job that was asked to give a JPEG: the image it is.
  return /\bimage\//.test(request.get('Accept') ?? '');
}

/** Answers with a result's bytes. A result never changes, so its job's id is its entity tag. */
export function sendImage(response: Response, job: CompletedJob, image: Buffer): void {
  response.set({
    'Content-Type': job.result.mimeType,
    'Content-Disposition': `inline; filename="${resultFilename(job)}"`,
    ETag: `"${job.id}"`,
    'Cache-Control': 'private, no-cache',
    Vary: 'Accept',
    'X-Job-ID': job.id,
    'X-Prompt-ID': job.result.promptId,
    'X-ComfyUI-Instance': job.assignment.instance,
    'X-Processing-Time-Ms': String(Math.round(processingDuration(job) ?? 0)),
  });
  response.send(image);
}
