import type { CompletedStatus, MiddlewareClient } from '../client/index.js';
import { Compare } from './Compare.js';
import { CopyButton } from './CopyButton.js';
import { canCopyPictures, copyPicture } from './clipboard.js';
import { bytesWords, type Size } from './figures.js';
import { NodeTimes } from './NodeTimes.js';
import { Outputs } from './Outputs.js';
import { resultName } from './resultName.js';
import { useObjectUrl } from './useObjectUrl.js';
import { type Shown, useOutputs } from './useOutputs.js';
import { pictureOf, type Work } from './work.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly work: Work;
  readonly status: CompletedStatus;
  /** Runs the job again. */
  readonly onRetry: () => void;
  /** Uses the result as the next input picture. */
  readonly onUse: (file: File) => void;
}

/** The result of a job, with its actions directly below. */
export function Result({ client, work, status, onRetry, onUse }: Props) {
  const { shown, problem, isGone } = useOutputs(client, status);
  // Only built-in workflows give a result that can be compared with the picture.
  const picture = work.task?.workflow.is_built_in ? pictureOf(work) : undefined;
  const before = useObjectUrl(picture);
  if (problem !== undefined) {
    return (
      <div class="row">
        <p class="problem grow" role="alert">
          {problem}
        </p>
        {isGone && work.task && (
          <button type="button" class="primary" onClick={onRetry}>
            Run again
          </button>
        )}
      </div>
    );
  }
  if (!shown) return <p role="status">Loading the result…</p>;
  const [first] = shown;
  if (!before) {
    return (
      <>
        <DoneIn status={status} />
        <Outputs shown={shown} />
        <NodeTimes client={client} jobId={status.job_id} />
      </>
    );
  }
  return (
    <>
      <Compare before={before} after={first.url} crop={first.output.crop} afterSize={sizeOf(first)} />
      <div class="row">
        <a class="button primary" href={first.url} download={resultName(work, first.output)}>
          Download
        </a>
        {canCopyPictures() && <CopyButton label="Copy picture" copy={() => copyPicture(first.blob)} />}
        <button type="button" onClick={() => onUse(fileOf(work, first))}>
          Use as next picture
        </button>
        <DoneIn status={status} bytes={first.blob.size} />
      </div>
      <NodeTimes client={client} jobId={status.job_id} />
    </>
  );
}

function DoneIn({ status, bytes }: { status: CompletedStatus; bytes?: number }) {
  return (
    <p class="hint" role="status">
      Done in {status.processing_time_seconds.toFixed(2)} s
      {bytes === undefined ? '' : `, ${bytesWords(bytes)}`}
    </p>
  );
}

function sizeOf({ output: { width, height } }: Shown): Size | undefined {
  return width && height ? { width, height } : undefined;
}

function fileOf(work: Work, { output, blob }: Shown): File {
  return new File([blob], resultName(work, output), { type: output.mimeType });
}
