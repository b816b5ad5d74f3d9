import { Chart } from './Chart.js';
import type { Overview } from './server.js';

/** The queue, and the last hour. */
export function Activity({ overview }: { overview: Overview }) {
  const { job_processing, performance } = overview.health;
  const { minutes } = overview;
  const times = minutes.map(({ time }) => Date.parse(time) / 1000);
  const ended = minutes.reduce((sum, { completed, failed }) => sum + completed + failed, 0);
  return (
    <section class="card" aria-labelledby="activity">
      <h2 id="activity">Activity</h2>
      <dl class="figures">
        <Figure name="Waiting" value={job_processing.pending_jobs} />
        <Figure
          name="Running"
          value={`${job_processing.active_jobs} of ${job_processing.max_concurrent_jobs}`}
        />
        <Figure name="Ended in an hour" value={performance.jobs_processed_last_hour} />
        <Figure name="Succeeded" value={performance.success_rate ?? 'no job yet'} />
      </dl>
      <h3>Jobs a minute</h3>
      <Chart
        label={`Jobs that ended in each minute of the last hour: ${ended} in all.`}
        times={times}
        series={[
          { name: 'completed', colour: '--good', values: minutes.map(({ completed }) => completed) },
          { name: 'failed', colour: '--bad', values: minutes.map(({ failed }) => failed) },
        ]}
      />
      <h3>Seconds a job</h3>
      <Chart
        label="Average seconds of the jobs that completed in each minute of the last hour."
        times={times}
        series={[
          {
            name: 'seconds',
            colour: '--accent',
            values: minutes.map((minute) => minute.average_processing_time_seconds),
          },
        ]}
      />
    </section>
  );
}

function Figure({ name, value }: { name: string; value: string | number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
