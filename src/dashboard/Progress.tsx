import { secondsWords } from './figures.js';
import type { WorkState } from './work.js';

type UnderWay = Extract<WorkState, { kind: 'sending' | 'running' }>;

interface Props {
  readonly state: UnderWay;
  /** Why no machine can run the job; undefined if a machine can. */
  readonly obstacle: string | undefined;
  readonly onCancel: () => void;
}

/** The progress of a job, by ComfyUI's own steps. */
export function Progress({ state, obstacle, onCancel }: Props) {
  return (
    <div class="progress">
      <progress max={100} value={percentageOf(state)} aria-label="Progress" />
      <div class="row spread">
        <span class="grow" role="status">
          {progressWords(state, obstacle)}
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

/** The progress in words. @param obstacle why no machine can run the job */
export function progressWords(state: UnderWay, obstacle: string | undefined): string {
  if (state.kind === 'sending') return state.note ?? 'Sending…';
  const { status } = state;
  switch (status?.status) {
    case undefined:
      return 'Sent';
    case 'pending':
      if (obstacle !== undefined) return `Waiting. ${obstacle}`;
      // No machine can run the job.
      if (status.estimated_completion_time_seconds === undefined) return status.message;
      return `Waiting, place ${status.queue_position}, done in about ${secondsWords(status.estimated_completion_time_seconds)}`;
    case 'processing':
      return [
        `${Math.round(status.progress_percentage)} %`,
        status.current_node ?? 'starting',
        `about ${secondsWords(status.estimated_remaining_time_seconds)} left`,
      ].join(', ');
    default:
      return 'Fetching the result…';
  }
}
