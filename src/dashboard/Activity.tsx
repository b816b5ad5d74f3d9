import { Chart } from './Chart.js';
import type { Minute } from './overview.js';

/** Minimum time range of the chart. */
const MIN_MINUTES = 10;

/** Charts the last hour, starting with its first job. */
export function Activity({ minutes }: { minutes: readonly Minute[] }) {
  const first = minutes.findIndex(({ completed, failed }) => completed + failed > 0);
  const shown = minutes.slice(Math.min(first, Math.max(0, minutes.length - MIN_MINUTES)));
  const times = shown.map(({ time }) => Date.parse(time) / 1000);
  const completed = shown.map((minute) => minute.completed);
  const ended = shown.map((minute) => minute.completed + minute.failed);
  const all = ended.reduce((sum, count) => sum + count, 0);
  const failed = all - completed.reduce((sum, count) => sum + count, 0);
  return (
    <section class="card" aria-labelledby="activity">
      <h2 id="activity">Last hour</h2>
      {first === -1 ? (
        <p class="hint">No job finished in the last hour.</p>
      ) : (
        <>
          <h3>Jobs per minute</h3>
          <Chart
            label={`Jobs that finished in each minute: ${all} in all, of which ${failed} failed.`}
            times={times}
            series={[
              // The bars overlap: behind the completed jobs only the failed ones are visible.
              { name: 'failed', colour: '--bad', values: ended },
              { name: 'completed', colour: '--accent', values: completed },
            ]}
            shape="bars"
          />
          <h3>Time per job</h3>
          <Chart
            label="Average time of the jobs that completed in each minute, in seconds."
            times={times}
            series={[
              {
                name: 'seconds',
                colour: '--accent',
                values: shown.map((minute) => minute.average_processing_time_seconds),
              },
            ]}
            shape="points"
            unit=" s"
          />
        </>
      )}
    </section>
  );
}
