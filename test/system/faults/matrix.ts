import type { ErrorCategory } from '../../../src/promptFailures.js';
import type { MischiefName } from '../../../src/simulator/mischief.js';
import { MOMENTS, type Moment } from '../../../src/simulator/prompt.js';

/** The expected result of a job that is hit by a fault. */
interface Expected {
  readonly end: 'completed' | ErrorCategory;
  /** Number of attempts; several values if it depends on the request that is hit. */
  readonly attempts: readonly number[];
  /** How often machines may have started the job. */
  readonly executions: readonly number[];
}

type Row = Readonly<Record<Moment, Expected>>;

const completed = (attempts: readonly number[], executions: readonly number[]): Expected => ({
  end: 'completed',
  attempts,
  executions,
});
const failed = (end: ErrorCategory): Expected => ({ end, attempts: [1], executions: [1] });

/** The same expectation for every moment, except those in `differently`. */
function row(expected: Expected, differently: Partial<Row> = {}): Row {
  return {
    upload: expected,
    submit: expected,
    pending: expected,
    running: expected,
    success: expected,
    view: expected,
    ...differently,
  };
}

const untouched = completed([1], [1]);
/** The first machine never started it. */
const elsewhere = completed([2], [1]);
/** The first machine started it, and its result is lost. */
const again = completed([2], [2]);

/** A fault during the upload costs no execution; a later one costs another execution. */
const lost = (differently: Partial<Row> = {}) => row(again, { upload: elsewhere, ...differently });
/** A fault after the success does not affect the stored result. */
const whileItRuns = (expected: Expected, differently: Partial<Row> = {}) =>
  row(expected, { success: untouched, view: untouched, ...differently });

/** The expected end by fault and moment, written down before the first run. */
export const MATRIX: Readonly<Record<MischiefName, Row>> = {
  // A machine runs what it has accepted, even if nobody can fetch the result.
  'connection refused': lost(),
  'connection reset': lost(),
  // A lost response about a prompt does no harm; an upload is repeated on another machine.
  'one answer reset': row(untouched, { upload: elsewhere }),
  // Before the prompt is accepted, the job soon goes to another machine; afterwards, when JOB_TIMEOUT is over.
  'never answers': lost({ submit: elsewhere }),
  'answers too late': lost(),
  // The server looks up the submission and requests the image again.
  'one answer too late': row(untouched, { upload: elsewhere }),
  '500 for everything': lost({ submit: elsewhere }),
  '502 HTML of a proxy': lost({ submit: elsewhere }),
  // The proxy did not pass on the submission, so the server does not find it.
  'one 502 HTML': row(untouched, { upload: elsewhere, submit: elsewhere }),
  'malformed answers': lost(),
  // Only a malformed response instead of the image costs an execution; a health check of the machine may be hit instead.
  'one malformed answer': row(completed([1, 2], [1, 2]), {
    upload: elsewhere,
    submit: untouched,
    view: again,
  }),
  'half answers': lost(),
  'one half answer': row(untouched, { upload: elsewhere }),
  'sockets closed': row(untouched),
  'sockets cut': row(untouched),
  'sockets half-open': row(untouched),
  'sockets deaf': row(untouched),
  'messages twice': row(untouched),
  'messages out of order': row(untouched),
  'messages of strangers': row(untouched),
  'messages of 10 MB': row(untouched),
  'messages of rubbish': row(untouched),
  'killed for good': lost({ submit: elsewhere, pending: elsewhere }),
  'killed and back': lost({ submit: elsewhere, pending: elsewhere }),
  'never finishes': whileItRuns(failed('processing_timeout')),
  'out of memory': whileItRuns(again),
  'GPU broken': whileItRuns(again),
  // Depends on the number of prompts that the GPU has had.
  'GPU fails every other prompt': whileItRuns(completed([1, 2], [1, 2])),
  'disk full': whileItRuns(again),
  'disk broken': whileItRuns(again),
  'branch blocked': whileItRuns(failed('result_missing')),
  'odd output first': row(untouched),
  'odd output last': row(untouched),
  'odd output alone': whileItRuns(failed('result_missing')),
  // After the submission, the server waits for the machine.
  'Python lock held': row(untouched, { upload: elsewhere }),
  // The upload has already succeeded, and the prompt is too large.
  'small upload limit': row(untouched, { upload: elsewhere }),
  // Deletes the input image, or the result.
  'files deleted': row(untouched, { submit: elsewhere, pending: again, success: again, view: again }),
  'prompts of others': row(untouched),
  'interrupted by others': row(untouched, { running: again }),
  'result file gone': row(again),
  'result is no image': row(again),
};

/** The cells of the matrix, row by row. */
export const CELLS = Object.entries(MATRIX).flatMap(([fault, row]) =>
  MOMENTS.map((moment) => ({ fault: fault as MischiefName, moment, expected: row[moment] })),
);
