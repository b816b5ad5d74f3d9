import type { ErrorCategory } from '../../../src/promptFailures.js';
import type { MischiefName } from '../../../src/simulator/mischief.js';
import { MOMENTS, type Moment } from '../../../src/simulator/prompt.js';

/** What must become of a job that something happens to. */
interface Expected {
  readonly end: 'completed' | ErrorCategory;
  /** Instances that may have been given the job; several where it depends on which request is hit. */
  readonly attempts: readonly number[];
}

type Row = Readonly<Record<Moment, Expected>>;

const completed = (...attempts: number[]): Expected => ({ end: 'completed', attempts });
const failed = (end: ErrorCategory): Expected => ({ end, attempts: [1] });

/** The same at every moment, but for those that are named. */
function row(expected: Expected, differently: Partial<Row> = {}): Row {
  return {
    submit: expected,
    pending: expected,
    running: expected,
    success: expected,
    view: expected,
    ...differently,
  };
}

const untouched = completed(1);
const elsewhere = completed(2);
const timedOut = failed('processing_timeout');

/** Fault by moment of the job: how it must end, written down before it was tried. */
export const MATRIX = {
  'connection refused': row(elsewhere),
  // Its messages still come, so before the end only the submission notices.
  'connection reset': row(elsewhere),
  'one answer reset': row(untouched),
  'never answers': row(elsewhere),
  'answers too late': row(elsewhere),
  // The submission is looked up, the image is asked for again.
  'one answer too late': row(untouched),
  '500 for everything': row(elsewhere),
  '502 HTML of a proxy': row(elsewhere),
  // The proxy did not pass the submission on, so there is nothing to be found.
  'one 502 HTML': row(untouched, { submit: elsewhere }),
  'malformed answers': row(elsewhere),
  // Only in place of the image does it cost a run; a check of the machine's health may be hit instead.
  'one malformed answer': row(completed(1, 2), { submit: untouched, view: elsewhere }),
  'half answers': row(elsewhere),
  'one half answer': row(untouched),
  'sockets closed': row(untouched),
  'sockets cut': row(untouched),
  'sockets half-open': row(untouched),
  'sockets deaf': row(untouched),
  'messages twice': row(untouched),
  'messages out of order': row(untouched),
  'messages of strangers': row(untouched),
  'messages of 10 MB': row(untouched),
  'messages of rubbish': row(untouched),
  'killed for good': row(elsewhere),
  'killed and back': row(elsewhere),
  'never finishes': row(timedOut, { success: untouched, view: untouched }),
  'out of memory': row(elsewhere, { success: untouched, view: untouched }),
  'result file gone': row(elsewhere),
  'result is no image': row(elsewhere),
} satisfies Readonly<Partial<Record<MischiefName, Row>>>;

/** The matrix cell by cell, row after row. */
export const CELLS = Object.entries(MATRIX).flatMap(([fault, row]) =>
  MOMENTS.map((moment) => ({ fault: fault as MischiefName, moment, expected: row[moment] })),
);
