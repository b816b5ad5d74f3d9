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
  /** Uses the result as the next input image. */
  readonly onUse: (file: File) => void;
}

/** The result of a job, with its actions directly below. */
export function Result({ client, work, status, onUse }: Props) {
  const { shown, problem } = useOutputs(client, status);
  // Only built-in workflows give a result that can be compared with the image.
  const picture = work.task?.workflow.is_built_in ? pictureOf(work) : undefined;
  const before = useObjectUrl(picture);
  if (problem !== undefined) {
    return (
      <p class="problem" role="alert">
        {problem}
      </p>
    );
  }
  if (!shown) return <p role="status">Fetching the result…</p>;
  const [first] = shown;
  if (!before) {
    return (
      <>
        <DoneIn work={work} status={status} />
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
        <DoneIn work={work} status={status} bytes={first.blob.size} />
      </div>
      <NodeTimes client={client} jobId={status.job_id} />
    </>
  );
}

function DoneIn({ work, status, bytes }: { work: Work; status: CompletedStatus; bytes?: number }) {
  return (
    <p class="hint" role="status">
      {work.title}: done in {status.processing_time_seconds.toFixed(2)} s
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
