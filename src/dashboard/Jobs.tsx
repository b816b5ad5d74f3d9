import { useEffect, useState } from 'preact/hooks';
import type { MiddlewareClient } from '../client/index.js';
import { messageOf } from './errors.js';
import { Question } from './Question.js';
import type { JobRecord } from './server.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly jobs: readonly JobRecord[];
  readonly onChange: () => void;
}

/** The newest jobs of everybody whom the key may see. */
export function Jobs({ client, jobs, onChange }: Props) {
  const [deleting, setDeleting] = useState<JobRecord>();
  const [error, setError] = useState<string>();
  const run = async (work: () => Promise<unknown>) => {
    try {
      await work();
      setError(undefined);
    } catch (thrown) {
      setError(messageOf(thrown));
    }
    onChange();
  };
  const remove = ({ id }: JobRecord) => {
    setDeleting(undefined);
    void run(() => client.delete(id));
  };
  return (
    <section class="card" aria-labelledby="jobs">
      <h2 id="jobs">Recent jobs</h2>
      {error && <p role="alert">{error}</p>}
      {jobs.length === 0 && <p class="hint">None yet.</p>}
      <ul class="plain">
        {jobs.map((job) => (
          <JobRow
            key={job.id}
            client={client}
            job={job}
            onCancel={() => void run(() => client.cancel(job.id))}
            onDelete={() => setDeleting(job)}
          />
        ))}
      </ul>
      {deleting && (
        <Question
          text={`Forget ${deleting.data.originalFilename} and its result? A running job is cancelled.`}
          action="Delete the job"
          onYes={() => remove(deleting)}
          onNo={() => setDeleting(undefined)}
        />
      )}
    </section>
  );
}

interface RowProps {
  readonly client: MiddlewareClient;
  readonly job: JobRecord;
  readonly onCancel: () => void;
  readonly onDelete: () => void;
}

function JobRow({ client, job, onCancel, onDelete }: RowProps) {
  const { originalFilename: name } = job.data;
  const isRunning = job.status === 'pending' || job.status === 'processing';
  return (
    <li class="job">
      <Thumbnail client={client} job={job} />
      <div class="grow">
        <strong>{name}</strong> <span class={`badge ${job.status}`}>{job.status}</span>
        <div class="hint">
          {job.type}
          {job.comfyuiInstance ? ` on ${job.comfyuiInstance}` : ''}
          {job.processingDuration === undefined ? '' : `, ${(job.processingDuration / 1000).toFixed(1)} s`}
        </div>
        {job.error && <div class="problem">{job.error}</div>}
      </div>
      {isRunning ? (
        <button type="button" onClick={onCancel}>
          Cancel<span class="unseen"> {name}</span>
        </button>
      ) : (
        <button type="button" onClick={onDelete}>
          Delete<span class="unseen"> {name}</span>
        </button>
      )}
    </li>
  );
}

/** Fetched with the key, which an image's own request could not carry. */
function Thumbnail({ client, job: { id, result } }: { client: MiddlewareClient; job: JobRecord }) {
  const [url, setUrl] = useState<string>();
  const kind = result?.mimeType.split('/')[0];
  const isPicture = kind === 'image';
  useEffect(() => {
    if (!isPicture) return;
    let made: string | undefined;
    const over = new AbortController();
    client
      .request(`/api/jobs/${id}/result/thumbnail`, { signal: over.signal })
      .then((response) => response.blob())
      .then((blob) => {
        if (over.signal.aborted) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      })
      // A result that made room for newer ones has no picture any more.
      .catch(() => undefined);
    return () => {
      over.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [client, id, isPicture]);
  return (
    <div class="thumbnail checkered">
      {url ? <img src={url} alt="" /> : kind && !isPicture && <span class="kind">{kind}</span>}
    </div>
  );
}
