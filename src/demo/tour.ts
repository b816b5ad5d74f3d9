import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asyncAnswer, jobStatusAnswer } from '../schemas/jobs.js';
import { unlessAborted } from '../utils/deadline.js';
import { ProgressBar } from './progress.js';

const POLL_MS = 50;

/** The workflows to run and their images. */
const TOUR = [
  { workflow: 'remove-background', sample: 'product.jpg' },
  { workflow: 'upscale-image', sample: 'transparent-badge.png' },
  { workflow: 'upscale-remove-bg', sample: 'phone-photo.jpg' },
] as const;

/** What the tour needs. */
interface Tour {
  /** URL of the server. */
  readonly baseUrl: string;
  /** Folder of the sample images. */
  readonly samples: string;
  /** Existing folder for the images. */
  readonly out: string;
  /** Ends the tour. */
  readonly stopping: AbortSignal;
}

/** Runs an image through every workflow over HTTP, shows the progress, and saves the images before and after. */
export async function showWorkflows(tour: Tour): Promise<void> {
  for (const [index, { workflow, sample }] of TOUR.entries()) {
    const before = await readFile(path.join(tour.samples, sample));
    const running = run(tour, workflow, new File([new Uint8Array(before)], sample));
    const after = await unlessAborted(running, tour.stopping);
    const target = path.join(tour.out, `${index + 1}-${workflow}`);
    await writeFile(`${target}-before${path.extname(sample)}`, before);
    await writeFile(`${target}-after.png`, after);
  }
}

/**
 * Submits a job, follows it and fetches the result. No request is aborted: if the response is arriving, an aborted `fetch` of
 * Node 24 ends the process.
 */
async function run({ baseUrl, stopping: signal }: Tour, workflow: string, image: File): Promise<Buffer> {
  const body = new FormData();
  body.set('imageFile', image);
  const accepted = await fetch(`${baseUrl}/api/async/${workflow}`, { method: 'POST', body });
  if (accepted.status !== 202) throw new Error(`${workflow}: ${accepted.status} ${await accepted.text()}`);
  const { job_id } = asyncAnswer.parse(await accepted.json());
  await follow(`${baseUrl}/api/jobs/${job_id}/status`, new ProgressBar(workflow), signal);
  const result = await fetch(`${baseUrl}/api/jobs/${job_id}/result/image`);
  if (result.status !== 200) throw new Error(`${workflow}: no result (${result.status})`);
  return Buffer.from(await result.arrayBuffer());
}

async function follow(url: string, bar: ProgressBar, signal: AbortSignal): Promise<void> {
  for (;;) {
    const status = jobStatusAnswer.parse(await (await fetch(url)).json());
    signal.throwIfAborted();
    const node = status.status === 'processing' ? (status.current_node ?? '') : status.status;
    bar.update(status.progress_percentage, node);
    if (status.status === 'failed') throw new Error(status.error);
    if (status.status === 'completed') break;
    await sleep(POLL_MS, undefined, { signal });
  }
  bar.end();
}
