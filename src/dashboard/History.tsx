import { useState } from 'preact/hooks';
import type { MiddlewareClient, WorkflowDescription } from '../client/index.js';
import { jobWords } from './jobWords.js';
import type { JobRecord } from './overview.js';
import { useKeyJobs } from './useKeyJobs.js';
import { jobHash } from './useRoute.js';
import { useThumbnail } from './useThumbnail.js';
import { WorkTile } from './WorkTile.js';
import type { Work } from './work.js';

/** How many jobs are shown at first. */
const SHOWN = 12;

interface Props {
  readonly client: MiddlewareClient;
  readonly works: readonly Work[];
  readonly workflows: readonly WorkflowDescription[];
  /** Whether the server's list contains only the jobs of this key. */
  readonly hasOwnList: boolean;
  readonly onOpen: (work: Work) => void;
  readonly onClear: () => void;
}

/** The jobs of this browser, and those of the key that were started elsewhere. */
export function History({ client, works, workflows, hasOwnList, onOpen, onClear }: Props) {
  const [shown, setShown] = useState(SHOWN);
  const listed = useKeyJobs(client, hasOwnList);
  const own = new Set(works.map(({ jobId }) => jobId));
  const others = listed.filter(({ id }) => !own.has(id));
  const total = works.length + others.length;
  if (total === 0) return null;
  return (
    <section class="card history" aria-labelledby="history">
      <header class="row spread">
        <h2 id="history">Your jobs</h2>
        {works.length > 0 && (
          <button type="button" class="quiet flush" onClick={onClear}>
            Delete all
          </button>
        )}
      </header>
      <ul class="tiles">
        {works.slice(0, shown).map((work) => (
          <WorkTile key={work.key} client={client} work={work} onOpen={() => onOpen(work)} />
        ))}
        {others.slice(0, Math.max(0, shown - works.length)).map((job) => (
          <ListedTile key={job.id} client={client} job={job} workflows={workflows} />
        ))}
      </ul>
      {total > shown && (
        <button type="button" class="quiet" onClick={() => setShown(shown + SHOWN)}>
          Show more
        </button>
      )}
    </section>
  );
}

/** A job of the key that was not started in this browser. */
function ListedTile({
  client,
  job,
  workflows,
}: {
  client: MiddlewareClient;
  job: JobRecord;
  workflows: readonly WorkflowDescription[];
}) {
  const { name, title, status } = jobWords(job, workflows);
  const isPicture = job.result?.mimeType.startsWith('image/');
  const url = useThumbnail(client, isPicture ? job.id : undefined);
  return (
    <li class="tile">
      <a href={jobHash(job.id)}>
        <span class="picture checkered">{url && <img src={url} alt="" loading="lazy" />}</span>
        <span class="name">{name}</span>
        <span class="hint">{name === title ? status : `${title}, ${status.toLowerCase()}`}</span>
      </a>
    </li>
  );
}
