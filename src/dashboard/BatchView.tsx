import { useState } from 'preact/hooks';
import type { MiddlewareClient } from '../client/index.js';
import { messageOf } from './errors.js';
import { countWords } from './figures.js';
import { saveBlob } from './saveBlob.js';
import { WorkTile } from './WorkTile.js';
import { isOver, type Work } from './work.js';
import { zipName, zipOf } from './zip.js';

interface Props {
  readonly client: MiddlewareClient;
  /** In the order of the pictures. */
  readonly works: readonly Work[];
  readonly back: { readonly label: string; readonly onClick: () => void };
  readonly onOpen: (work: Work) => void;
  readonly onRetry: (works: readonly Work[]) => void;
  readonly onCancel: (works: readonly Work[]) => void;
}

/** Jobs that were started together. */
export function BatchView({ client, works, back, onOpen, onRetry, onCancel }: Props) {
  const done = works.filter(({ state }) => state.kind === 'done');
  const failed = works.filter(({ state }) => state.kind === 'failed');
  const cancelled = works.filter(({ state }) => state.kind === 'cancelled');
  const again = [...failed, ...cancelled];
  const open = works.filter((work) => !isOver(work));
  const summary = [
    `${done.length} of ${works.length} done`,
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(cancelled.length > 0 ? [`${cancelled.length} cancelled`] : []),
  ].join(', ');
  return (
    <section class="work batch" aria-labelledby="work">
      <header class="row spread">
        <div class="grow">
          <h2 id="work">
            {works[0]?.title}: {countWords(works.length, 'picture')}
          </h2>
          <p class="hint" role="status">
            {summary}
          </p>
        </div>
        <button type="button" class="quiet flush" onClick={back.onClick}>
          {back.label}
        </button>
      </header>
      <progress max={works.length} value={works.length - open.length} aria-label="Progress of all" />
      <div class="row">
        {done.length > 0 && <DownloadAll client={client} works={done} isPrimary={open.length === 0} />}
        {again.length > 0 && (
          <button type="button" onClick={() => onRetry(again)}>
            Try {countWords(again.length, 'picture')} again
          </button>
        )}
        {open.length > 0 && (
          <button type="button" onClick={() => onCancel(open)}>
            Cancel {done.length > 0 ? 'the rest' : 'all'}
          </button>
        )}
      </div>
      <ul class="tiles">
        {works.map((work) => (
          <WorkTile key={work.key} client={client} work={work} isInBatch onOpen={() => onOpen(work)} />
        ))}
      </ul>
    </section>
  );
}

function DownloadAll({
  client,
  works,
  isPrimary,
}: {
  client: MiddlewareClient;
  works: readonly Work[];
  isPrimary: boolean;
}) {
  const [count, setCount] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const download = async () => {
    setProblem(undefined);
    setCount(0);
    try {
      saveBlob(await zipOf(client, works, setCount), zipName(works[0]));
    } catch (error) {
      setProblem(messageOf(error));
    }
    setCount(undefined);
  };
  return (
    <>
      <button
        type="button"
        class={isPrimary ? 'primary' : ''}
        disabled={count !== undefined}
        onClick={() => void download()}
      >
        {count === undefined
          ? `Download ${countWords(works.length, 'result')} as zip`
          : `Packing ${count} of ${works.length}…`}
      </button>
      {problem !== undefined && (
        <span class="problem" role="alert">
          {problem}
        </span>
      )}
    </>
  );
}
