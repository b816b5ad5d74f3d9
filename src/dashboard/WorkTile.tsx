import type { MiddlewareClient } from '../client/index.js';
import { secondsWords, timeWords } from './figures.js';
import { percentageOf, progressWords } from './Progress.js';
import { useObjectUrl } from './useObjectUrl.js';
import { useThumbnail } from './useThumbnail.js';
import { pictureOf, type Work } from './work.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly work: Work;
  /** Whether the tile is in a list under the name of its workflow. */
  readonly isInBatch?: boolean;
  readonly onOpen: () => void;
}

/** One job of a list: a thumbnail and its state. */
export function WorkTile({ client, work, isInBatch = false, onOpen }: Props) {
  const { state, jobId, name } = work;
  const result = useThumbnail(client, state.kind === 'done' && isPicture(work) ? jobId : undefined);
  const sent = useObjectUrl(pictureOf(work));
  const url = result ?? sent;
  const isUnderWay = state.kind === 'sending' || state.kind === 'running';
  return (
    <li class={`tile ${state.kind}`}>
      <button type="button" onClick={onOpen}>
        <span class={`picture checkered ${result ? '' : 'waiting'}`}>
          {url && <img src={url} alt="" loading="lazy" />}
        </span>
        <span class="name">{name}</span>
        <span class="hint">{wordsOf(work, isInBatch)}</span>
      </button>
      {isUnderWay && <progress max={100} value={percentageOf(state)} aria-label={`Progress of ${name}`} />}
    </li>
  );
}

function isPicture({ state }: Work): boolean {
  return state.kind === 'done' && state.status.outputs[0]?.kind === 'image';
}

function wordsOf({ state, title, name, createdTime }: Work, isInBatch: boolean): string {
  switch (state.kind) {
    case 'done':
      if (isInBatch) return `Done in ${secondsWords(state.status.processing_time_seconds)}`;
      return name === title ? timeWords(createdTime) : `${title}, ${timeWords(createdTime)}`;
    case 'failed':
      return `Failed: ${state.message}`;
    case 'cancelled':
      return 'Cancelled';
    default:
      return progressWords(state);
  }
}
