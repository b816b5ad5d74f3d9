import type { JobStatus } from '../client/index.js';

/** How far the job is, by ComfyUI's own steps. */
export function Progress({ status, onCancel }: { status: JobStatus | undefined; onCancel: () => void }) {
  const percentage = status?.progress_percentage ?? 0;
  return (
    <div class="progress">
      <progress max={100} value={percentage} aria-label="Progress" />
      <div class="row spread">
        <span role="status">{wordsFor(status)}</span>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </div>
  );
}

function wordsFor(status: JobStatus | undefined): string {
  if (!status) return 'Sending…';
  switch (status.status) {
    case 'pending': {
      const { message, queue_position: place, estimated_completion_time_seconds: seconds } = status;
      // Nothing can run it.
      if (seconds === undefined) return message;
      return `Waiting, place ${place}, done in about ${inSeconds(seconds)}`;
    }
    case 'processing':
      return [
        `${Math.round(status.progress_percentage)} %`,
        status.current_node ?? 'starting',
        `about ${inSeconds(status.estimated_remaining_time_seconds)} left`,
      ].join(', ');
    default:
      return 'Fetching the result…';
  }
}

function inSeconds(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
