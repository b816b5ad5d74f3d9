import { useState } from 'preact/hooks';
import type { MiddlewareClient, WorkflowDescription } from '../client/index.js';
import { messageOf } from './errors.js';
import { timeWords } from './figures.js';
import { type JobWords, jobWords } from './jobWords.js';
import type { JobRecord, Machine } from './overview.js';
import { Question } from './Question.js';
import { jobHash } from './useRoute.js';
import { useThumbnail } from './useThumbnail.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly jobs: readonly JobRecord[];
  /** Number of all jobs that the key may see. */
  readonly all: number;
  readonly machines: readonly Machine[];
  readonly workflows: readonly WorkflowDescription[];
  readonly onChange: () => void;
  /** `undefined` if no more can be shown. */
  readonly onMore: (() => void) | undefined;
}

/** The jobs that the key may see: what runs, and the newest others. */
export function Jobs({ client, jobs, all, machines, workflows, onChange, onMore }: Props) {
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
            words={jobWords(job, workflows)}
            machine={machines.find(({ host }) => host === job.comfyuiInstance)?.id ?? job.comfyuiInstance}
            onCancel={() => void run(() => client.cancel(job.id))}
            onDelete={() => setDeleting(job)}
          />
        ))}
      </ul>
      {all > jobs.length && (
        <p class="hint">
          {jobs.length} of {all} jobs{' '}
          {onMore && (
            <button type="button" class="quiet" onClick={onMore}>
              Show more
            </button>
          )}
        </p>
      )}
      {deleting && (
        <Question
          text={`Delete ${jobWords(deleting, workflows).name} and its result? A running job is cancelled.`}
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
  readonly words: JobWords;
  /** The machine that ran it. */
  readonly machine: string | null;
  readonly onCancel: () => void;
  readonly onDelete: () => void;
}

function JobRow({ client, job, words, machine, onCancel, onDelete }: RowProps) {
  const { name, title, status } = words;
  const isRunning = job.status === 'pending' || job.status === 'processing';
  return (
    <li class="job">
      <Thumbnail client={client} job={job} />
      <div class="grow">
        <a href={jobHash(job.id)}>
          <strong>{name}</strong>
        </a>{' '}
        <span class={`badge ${TONES[job.status]}`}>{status}</span>
        <div class="hint">{factsOf(job, name === title ? undefined : title, machine)}</div>
        {job.error && <div class="problem">{job.error}</div>}
      </div>
      <button type="button" class="quiet" onClick={isRunning ? onCancel : onDelete}>
        {isRunning ? 'Cancel' : 'Delete'}
        <span class="unseen"> {name}</span>
      </button>
    </li>
  );
}

const TONES: Readonly<Record<JobRecord['status'], string>> = {
  pending: 'dim',
  processing: 'warn',
  completed: 'good',
  failed: 'bad',
  cancelled: 'dim',
};

function factsOf(
  { processingDuration, createdTime }: JobRecord,
  title: string | undefined,
  machine: string | null,
): string {
  return [
    ...(title === undefined ? [] : [title]),
    ...(machine === null ? [] : [machine]),
    ...(processingDuration === undefined ? [] : [`${(processingDuration / 1000).toFixed(1)} s`]),
    timeWords(createdTime),
  ].join(', ');
}

function Thumbnail({ client, job: { id, result } }: { client: MiddlewareClient; job: JobRecord }) {
  const kind = result?.mimeType.split('/')[0];
  const isPicture = kind === 'image';
  const url = useThumbnail(client, isPicture ? id : undefined);
  return (
    <div class="thumbnail checkered">
      {url ? <img src={url} alt="" /> : kind && !isPicture && <span class="kind">{kind}</span>}
    </div>
  );
}
