import { type Eraser, fill, look, skip } from './steps.js';

/** Bytes of the start of a file that are searched. */
const MAX_START_BYTES = 4 * 1024 * 1024;
const [START, END] = [Buffer.from('<metadata'), Buffer.from('</metadata>')];
const SPACE = 0x20;

/** SVG: an element with metadata at its start becomes spaces. ComfyUI stores the prompt and the workflow there. */
export function* eraseSvg(): Eraser {
  const start = yield* look(MAX_START_BYTES);
  const from = start.indexOf(START);
  const to = start.indexOf(END, from);
  const isSvg = start.subarray(0, Math.max(from, 0)).includes('<svg');
  if (!isSvg || to < 0) return;
  yield* skip(from);
  yield* fill(to + END.length - from, SPACE);
}
