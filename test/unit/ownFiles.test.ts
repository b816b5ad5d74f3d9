import { readdir, readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { gathered } from '../../src/routes/comfyui/foundFiles.js';
import { MARK_INPUT } from '../../src/services/comfyui/ownOutputs.js';
import { makeChunk, pngChunks, SIGNATURE } from '../../src/services/images/pngChunks.js';
import { isOwn } from '../../src/services/jobs/ownFiles.js';
import { eraseMetadata } from '../../src/services/media/eraseMetadata.js';
import { oggCrc } from '../../src/services/media/ogg.js';
import { PromptSearch } from '../../src/services/media/PromptSearch.js';
import { withoutPrompt } from '../../src/services/native/withoutPrompt.js';
import { png } from '../support/pictures.js';

const FOLDER = new URL('../cases/media/', import.meta.url);
const OWN = '0b9e4d3c-1f2a-4b5c-8d6e-7f8091a2b3c4';
const OTHER = '11111111-2222-4333-8444-555555555555';
/** The text in each file. What replaces it has the same length. */
const SECRET = 'a secret cat';
const KEY = '"class_type"';

const promptOf = (mark: string) =>
  `{"9-${mark}": {"inputs": {"filename_prefix": "x-${mark}", "${MARK_INPUT}": "${mark}"}, "class_type": "Any"}}`;
const replaced = (bytes: Buffer, from: string, to: string) =>
  Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');
const media = await Promise.all(
  (await readdir(FOLDER)).map(async (name) => ({ name, bytes: await readFile(new URL(name, FOLDER)) })),
);

/** Ogg pages with the right checksums. */
function repaired(ogg: Buffer): Buffer {
  for (let at = ogg.indexOf('OggS'); at >= 0; at = ogg.indexOf('OggS', at + 4)) {
    const next = ogg.indexOf('OggS', at + 4);
    const page = ogg.subarray(at, next < 0 ? ogg.length : next);
    page.writeUInt32LE(0, 22);
    page.writeUInt32LE(oggCrc(page), 22);
  }
  return ogg;
}

describe.each(media)('a prompt in $name', ({ name, bytes }) => {
  const withPrompt = repaired(replaced(bytes, SECRET, KEY));

  it('is another one if it has not the mark, and the name has it neither', async () => {
    expect(await isOwn({ bytes: withPrompt, filename: name }, OWN)).toBe(false);
    const without = replaced(withPrompt, 'class_type', 'other_keys');
    expect(await isOwn({ bytes: without, filename: name }, OWN)).toBe(true);
  });

  it('may be copied from an input if the name has the mark', async () => {
    expect(await isOwn({ bytes: withPrompt, filename: `x-${OWN}_00001_${name}` }, OWN)).toBe(true);
  });

  it('is seen as well while the file is passed on in parts', async () => {
    for (const length of [1, 17, 1000]) {
      const search = new PromptSearch(OWN);
      const parts = Array.from({ length: Math.ceil(withPrompt.length / length) }, (_, n) =>
        Buffer.from(withPrompt.subarray(n * length, (n + 1) * length)),
      );
      for await (const part of eraseMetadata(Readable.from(parts), search.see)) expect(part).toBeDefined();
      expect(search.isOfAnother).toBe(true);
    }
  });

  it('keeps the file from being sent by a machine', async () => {
    const sent = (mark: string | undefined) =>
      withoutPrompt(
        { body: Readable.from([Buffer.from(withPrompt)]), sizeBytes: withPrompt.length },
        name,
        mark,
      );
    await expect(sent(OWN)).rejects.toMatchObject({ failure: 'wrong result' });
    const { body } = await sent(undefined);
    expect(await gathered(body, withPrompt.length)).toHaveLength(withPrompt.length);
  });
});

describe('a prompt in an image', () => {
  const images = {
    'webp.webp': (text: string) =>
      sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
        .webp()
        .withExif({ IFD0: { Model: text } })
        .toBuffer(),
    'jpeg.jpg': (text: string) =>
      sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
        .jpeg()
        .withExif({ IFD0: { Model: text } })
        .toBuffer(),
    'avif.avif': (text: string) =>
      sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
        .avif()
        .withExif({ IFD0: { Model: text } })
        .toBuffer(),
    // A comment as EXIF's `UserComment` has it, in either byte order.
    'comment.jpg': (text: string) => commented(Buffer.from(text, 'utf16le')),
    'other-order.jpg': (text: string) => commented(Buffer.from(text, 'utf16le').swap16()),
    'animated.png': async (text: string) => {
      const [head = Buffer.alloc(0), ...others] = [...pngChunks(await png())].map(({ whole }) => whole);
      const chunk = makeChunk('comf', Buffer.from(`prompt\0${text}`, 'latin1'));
      return Buffer.concat([SIGNATURE, head, ...others.slice(0, -1), chunk, ...others.slice(-1)]);
    },
  };

  it.each(Object.entries(images))('tells whose it is: %s', async (filename, imageWith) => {
    expect(await isOwn({ bytes: await imageWith(promptOf(OWN)), filename }, OWN)).toBe(true);
    const theirs = await imageWith(promptOf(OTHER));
    expect(await isOwn({ bytes: theirs, filename }, OWN)).toBe(false);
    expect(await isOwn({ bytes: theirs, filename: `x-${OWN}_${filename}` }, OWN)).toBe(false);
    expect(await isOwn({ bytes: await imageWith('no prompt'), filename }, OWN)).toBe(true);
  });

  async function commented(text: Buffer): Promise<Buffer> {
    const jpeg = await sharp(await png())
      .jpeg()
      .toBuffer();
    const length = Buffer.alloc(2);
    length.writeUInt16BE(text.length + 2);
    return Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xfe]), length, text, jpeg.subarray(2)]);
  }
});

it('a prompt within a JSON text, as a pack of video nodes writes it, tells whose it is', () => {
  const search = new PromptSearch(OWN);
  search.see(Buffer.from(JSON.stringify({ prompt: promptOf(OTHER) })));
  expect([search.isOfAnother, search.isOfAnotherMark]).toEqual([true, true]);
  search.see(Buffer.from(JSON.stringify({ prompt: promptOf(OWN) })));
  expect([search.isOfAnother, search.isOfAnotherMark]).toEqual([false, false]);
});

it('a text file that contains the prompt of others is own', async () => {
  const bytes = Buffer.from(promptOf(OTHER));
  expect(await isOwn({ bytes, filename: 'workflow.json' }, OWN)).toBe(true);
});
