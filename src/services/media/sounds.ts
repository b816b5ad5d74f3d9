import { type Eraser, fill, look, put, type Step, skip } from './steps.js';

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
/** ID3 1: the last bytes of a file. */
const ID3_AT_END = { bytes: 128, name: 'TAG', noGenre: 0xff } as const;
const WINDOW_BYTES = 64 * 1024;

/**
 * MP3: ID3 tags at the start (id3.org, versions 2.2 to 2.4), whose frames become padding, and the one at the end. FLAC files
 * may have such tags, too.
 */
export function* eraseId3(): Eraser {
  while (yield* startsWith('ID3')) yield* eraseId3Frames();
  if (yield* startsWith('fLaC')) yield* eraseFlac();
  else yield* eraseId3AtEnd();
}

function* startsWith(text: string): Generator<Step, boolean, Buffer> {
  return (yield* look(text.length)).toString('latin1') === text;
}

function* eraseId3Frames(): Eraser {
  const head = yield* look(ID3.head);
  const [flags = 0, ...sizes] = head.subarray(5);
  const bytes = sizes.reduce((sum, byte) => sum * 128 + (byte & 127), 0);
  const footer = flags & ID3.hasFooter ? ID3.head : 0;
  // Without flags: there is no extended header and no footer any more.
  yield* skip(5);
  yield* put(Buffer.from([0]));
  yield* skip(4);
  yield* fill(bytes + footer);
}

function* eraseId3AtEnd(): Eraser {
  const { bytes, name, noGenre } = ID3_AT_END;
  for (;;) {
    const next = yield* look(WINDOW_BYTES + bytes);
    if (next.length === WINDOW_BYTES + bytes) {
      yield* skip(WINDOW_BYTES);
      continue;
    }
    const at = next.length - bytes;
    if (at < 0 || next.toString('latin1', at, at + name.length) !== name) return;
    yield* skip(at + name.length);
    yield* fill(bytes - name.length - 1);
    yield* put(Buffer.from([noGenre]));
    return;
  }
}

const RIFF_METADATA: ReadonlySet<string> = new Set(['id3 ', 'ID3 ', 'bext', 'iXML', '_PMX']);

/** WAV and AVI: chunks with metadata become junk. */
export function* eraseRiff(): Eraser {
  yield* skip(12);
  for (;;) {
    const head = yield* look(12);
    if (head.length < 8) return;
    const name = head.toString('latin1', 0, 4);
    const bytes = head.readUInt32LE(4);
    const isMetadata =
      RIFF_METADATA.has(name) || (name === 'LIST' && head.toString('latin1', 8, 12) === 'INFO');
    if (isMetadata) {
      yield* put(Buffer.from('JUNK'));
      yield* skip(4);
      yield* fill(bytes);
    } else yield* skip(8 + bytes);
    // Chunks begin at even places.
    yield* skip(bytes % 2);
  }
}
