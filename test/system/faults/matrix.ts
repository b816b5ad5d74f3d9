import type { ErrorCategory } from '../../../src/promptFailures.js';
import type { MischiefName } from '../../../src/simulator/mischief.js';
import { MOMENTS, type Moment } from '../../../src/simulator/prompt.js';

/** What must become of a job that something happens to. */
interface Expected {
  readonly end: 'completed' | ErrorCategory;
  /** Instances that may have been given the job; several where it depends on which request is hit. */
  readonly attempts: readonly number[];
  /** How often the machines may have begun to run it. */
  readonly executions: readonly number[];
}

type Row = Readonly<Record<Moment, Expected>>;

const completed = (attempts: readonly number[], executions: readonly number[]): Expected => ({
  end: 'completed',
  attempts,
  executions,
});
const failed = (end: ErrorCategory): Expected => ({ end, attempts: [1], executions: [1] });

/** The same at every moment, but for those that are named. */
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
/** The first machine never began it. */
const elsewhere = completed([2], [1]);
/** The first machine began it, and what it made is lost. */
const again = completed([2], [2]);

/** While nothing of it runs, or before its result is there, it costs as much as it must. */
const lost = (differently: Partial<Row> = {}) => row(again, { upload: elsewhere, ...differently });
/** What happens to a result that is there already is nobody's concern. */
const whileItRuns = (expected: Expected, differently: Partial<Row> = {}) =>
  row(expected, { success: untouched, view: untouched, ...differently });

/** Fault by moment of the job: how it must end, written down before it was tried. */
export const MATRIX: Readonly<Record<MischiefName, Row>> = {
  // What a machine has accepted it runs, although nobody can ask for the result.
  'connection refused': lost(),
  'connection reset': lost(),
  // Nothing is lost with an answer about a prompt; an upload is made elsewhere.
  'one answer reset': row(untouched, { upload: elsewhere }),
  // Before the prompt is accepted it goes elsewhere soon, afterwards when JOB_TIMEOUT is over.
  'never answers': lost({ submit: elsewhere }),
  'answers too late': lost(),
  // The submission is looked up, the image is asked for again.
  'one answer too late': row(untouched, { upload: elsewhere }),
  '500 for everything': lost({ submit: elsewhere }),
  '502 HTML of a proxy': lost({ submit: elsewhere }),
  // The proxy did not pass the submission on, so there is nothing to be found.
  'one 502 HTML': row(untouched, { upload: elsewhere, submit: elsewhere }),
  'malformed answers': lost(),
  // Only in place of the image does it cost a run; a check of the machine's health may be hit instead.
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
  // It depends on how many prompts the GPU has had.
  'GPU fails every other prompt': whileItRuns(completed([1, 2], [1, 2])),
  'disk full': whileItRuns(again),
  'disk broken': whileItRuns(again),
  'branch blocked': whileItRuns(failed('result_missing')),
  'odd output first': row(untouched),
  'odd output last': row(untouched),
  'odd output alone': whileItRuns(failed('result_missing')),
  // Once the prompt is on its way, its machine is waited for.
  'Python lock held': row(untouched, { upload: elsewhere }),
  // The upload is there already, and the prompt is what is too large.
  'small upload limit': row(untouched, { upload: elsewhere }),
  // The picture that it is to read, and the one that it made.
  'files deleted': row(untouched, { submit: elsewhere, pending: again, success: again, view: again }),
  'prompts of others': row(untouched),
  'interrupted by others': row(untouched, { running: again }),
  'result file gone': row(again),
  'result is no image': row(again),
};

/** The matrix cell by cell, row after row. */
export const CELLS = Object.entries(MATRIX).flatMap(([fault, row]) =>
  MOMENTS.map((moment) => ({ fault: fault as MischiefName, moment, expected: row[moment] })),
);
