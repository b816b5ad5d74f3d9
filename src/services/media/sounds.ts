import { type Eraser, fill, look, put, skip } from './steps.js';

const FLAC = { comments: 4, padding: 1 } as const;
const LAST_BLOCK = 0x80;

/** FLAC (RFC 9639): comments become padding. */
export function* eraseFlac(): Eraser {
  yield* skip(4);
  for (let isLast = false; !isLast; ) {
    const head = yield* look(4);
    const [kind] = head;
    if (kind === undefined || head.length < 4) return;
    isLast = (kind & LAST_BLOCK) !== 0;
    const bytes = head.readUIntBE(1, 3);
    if ((kind & ~LAST_BLOCK) === FLAC.comments) {
      yield* put(Buffer.from([(kind & LAST_BLOCK) | FLAC.padding]));
      yield* skip(3);
      yield* fill(bytes);
    } else yield* skip(4 + bytes);
  }
}

const ID3 = { head: 10, hasFooter: 0x10 } as const;

/** The ID3 tag at the start of an MP3 or a FLAC file (id3.org, versions 2.2 to 2.4): its frames become padding. */
export function* eraseId3(): Eraser {
  const head = yield* look(ID3.head);
  if (head.length < ID3.head) return;
  const [flags = 0, ...sizes] = head.subarray(5);
  const bytes = sizes.reduce((sum, byte) => sum * 128 + (byte & 127), 0);
  const footer = flags & ID3.hasFooter ? ID3.head : 0;
  // Without flags: there is no extended header and no footer any more.
  yield* skip(5);
  yield* put(Buffer.from([0]));
  yield* skip(4);
  yield* fill(bytes + footer);
  if ((yield* look(4)).toString('latin1') === 'fLaC') yield* eraseFlac();
}

const RIFF_TEXTS: ReadonlySet<string> = new Set(['id3 ', 'ID3 ', 'bext', 'iXML', '_PMX']);

/** WAV and AVI: chunks with texts become junk. */
export function* eraseRiff(): Eraser {
  yield* skip(12);
  for (;;) {
    const head = yield* look(12);
    if (head.length < 8) return;
    const name = head.toString('latin1', 0, 4);
    const bytes = head.readUInt32LE(4);
    const isTexts = RIFF_TEXTS.has(name) || (name === 'LIST' && head.toString('latin1', 8, 12) === 'INFO');
    if (isTexts) {
      yield* put(Buffer.from('JUNK'));
      yield* skip(4);
      yield* fill(bytes);
    } else yield* skip(8 + bytes);
    // Chunks begin at even places.
    yield* skip(bytes % 2);
  }
}
