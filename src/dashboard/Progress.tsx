import { secondsWords } from './figures.js';
import type { WorkState } from './work.js';

type UnderWay = Extract<WorkState, { kind: 'sending' | 'running' }>;

interface Props {
  readonly state: UnderWay;
  readonly onCancel: () => void;
}

/** The progress of a job, by ComfyUI's own steps. */
export function Progress({ state, onCancel }: Props) {
  const detail = detailOf(state);
  return (
    <div class="progress">
      <progress max={100} value={percentageOf(state)} aria-label="Progress" />
      <div class="row spread">
        <span class="grow" role="status">
          {progressWords(state)}
          {detail !== undefined && <span class="hint"> · {detail}</span>}
        </span>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </div>
  );
}

/** 0..100. */
export function percentageOf(state: WorkState): number {
  return state.kind === 'running' ? (state.status?.progress_percentage ?? 0) : 0;
}

/** The progress in words, short enough for a tile. */
export function progressWords(state: UnderWay): string {
  if (state.kind === 'sending') return state.note ?? 'Uploading…';
  const { status } = state;
  switch (status?.status) {
    case undefined:
      return 'Submitted';
    case 'pending':
      // No machine can run the job. The box at the start button says why.
      if (status.estimated_completion_time_seconds === undefined) return 'Waiting for a machine';
      return `Position ${status.queue_position} in the queue`;
    case 'processing':
      if (status.progress_percentage === 0) return 'Starting';
      return `${Math.round(status.progress_percentage)} %, ${remainingWords(status.estimated_remaining_time_seconds)}`;
    default:
      return 'Loading the result…';
  }
}

function remainingWords(seconds: number): string {
  return seconds < 1 ? 'almost done' : `about ${secondsWords(seconds)} left`;
}

/** The class of the node that runs, for those who know the workflow, or when a waiting job will be done. */
function detailOf(state: UnderWay): string | undefined {
  if (state.kind !== 'running') return undefined;
  const { status } = state;
  if (status?.status === 'processing') return status.current_node ?? undefined;
  if (status?.status !== 'pending' || status.estimated_completion_time_seconds === undefined)
    return undefined;
  return `done in about ${secondsWords(status.estimated_completion_time_seconds)}`;
}
