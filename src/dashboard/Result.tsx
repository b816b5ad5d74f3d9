import { useState } from 'preact/hooks';
import { Compare } from './Compare.js';
import { curlOf } from './curl.js';
import { Gallery } from './Gallery.js';
import type { Run, Task } from './useJob.js';
import { useObjectUrl } from './useObjectUrl.js';

export type Done = Run & { readonly state: 'done' };

/** The picture that a result is shown beside; undefined where that would be no comparison. */
export function pictureBefore({ task: { workflow, files } }: Done): File | undefined {
  return workflow.is_built_in ? Object.values(files)[0] : undefined;
}

/** Before and after of one picture. */
export function Comparison({ run, picture }: { run: Done; picture: File }) {
  const before = useObjectUrl(picture);
  return before ? <Compare before={before} after={run.shown[0].url} /> : null;
}

/** What one does with a result that is compared. */
export function ComparisonActions({
  run,
  picture,
  onReset,
}: {
  run: Done;
  picture: File;
  onReset: () => void;
}) {
  const [{ output, url, sizeBytes }] = run.shown;
  const { type } = run.task.workflow;
  const ending = output.mimeType.split('/')[1] ?? 'png';
  return (
    <>
      <p role="status">
        Done in {secondsOf(run)} s, {Math.ceil(sizeBytes / 1024)} KB.
      </p>
      <div class="row">
        <a
          class="button primary"
          href={url}
          download={`${picture.name.replace(/\.\w+$/, '')}-${type}.${ending}`}
        >
          Download
        </a>
        <CopyAsCurl task={run.task} />
        <button type="button" onClick={onReset}>
          Back to the picture
        </button>
      </div>
    </>
  );
}

/** All that a job made. */
export function Results({ run, onKeepSeed }: { run: Done; onKeepSeed: () => void }) {
  const { seed, seeds, task, shown } = run;
  return (
    <>
      <p role="status">
        {task.workflow.title}: done in {secondsOf(run)} s.
      </p>
      <Gallery shown={shown} />
      <div class="row">
        <CopyAsCurl task={task} />
        {seed !== undefined && (
          <button type="button" onClick={onKeepSeed}>
            {seeds === undefined ? `Keep the seed ${seed}` : 'Keep the seeds'}
          </button>
        )}
      </div>
    </>
  );
}

function CopyAsCurl({ task }: { task: Task }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(curlOf(task));
    setCopied(true);
  };
  return (
    <button type="button" onClick={() => void copy()}>
      {isCopied ? 'Copied' : 'Copy as curl'}
    </button>
  );
}

function secondsOf({ status }: Done): string {
  return status.processing_time_seconds.toFixed(2);
}
