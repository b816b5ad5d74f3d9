import { type Eraser, fill, look, skip } from './steps.js';

/** Longer drawings stay unchanged. */
const MAX_BYTES = 16 * 1024 * 1024;
const SPACE = 0x20;

/** Sections whose content is no markup. */
const SECTIONS = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;
const METADATA = /^<(\/?)metadata(?![\w.:-])/;

interface Place {
  readonly from: number;
  readonly to: number;
}

/**
 * SVG: metadata elements become spaces. ComfyUI stores the prompt and the workflow in one after each `<svg …>` tag. Other XML
 * stays unchanged.
 */
export function* eraseSvg(): Eraser {
  const bytes = yield* look(MAX_BYTES);
  if (bytes.length === MAX_BYTES) return;
  let at = 0;
  for (const { from, to } of metadataIn(bytes.toString('latin1'))) {
    yield* skip(from - at);
    yield* fill(to - from, SPACE);
    at = to;
  }
}

/** The places of all complete metadata elements, in a text with one character for each byte. Nothing if it is no SVG. */
function metadataIn(text: string): readonly Place[] {
  const found: Place[] = [];
  let isSvg = false;
  let depth = 0;
  let from = 0;
  for (const { from: at, to } of markupIn(text)) {
    const tag = text.slice(at, Math.min(to, at + 16));
    isSvg ||= /^<svg\b/.test(tag);
    const [isMetadata, slash] = METADATA.exec(tag) ?? [];
    if (isMetadata === undefined) continue;
    const isEmpty = text[to - 2] === '/';
    if (depth === 0) from = at;
    if (slash) depth -= 1;
    else if (!isEmpty) depth += 1;
    if (depth === 0) found.push({ from, to });
    // An end without a start.
    depth = Math.max(0, depth);
  }
  return isSvg ? found : [];
}

/** The places of all tags. Ends at a section or a tag that is not closed. */
function* markupIn(text: string): Generator<Place> {
  for (let at = text.indexOf('<'); at >= 0; ) {
    const section = SECTIONS.find(([start]) => text.startsWith(start, at));
    const end = section?.[1] ?? '>';
    const last = text.indexOf(end, at + (section?.[0].length ?? 1));
    if (last < 0) return;
    const to = last + end.length;
    if (!section) yield { from: at, to };
    at = text.indexOf('<', to);
  }
}
