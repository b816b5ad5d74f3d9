import { readdir, readFile } from 'node:fs/promises';
import { parseBuffer } from 'music-metadata';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { eraseMetadata, eraseMetadataIn } from '../../src/services/media/eraseMetadata.js';
import { oggCrc } from '../../src/services/media/ogg.js';
import { Random } from '../support/random.js';

const FOLDER = new URL('../cases/media/', import.meta.url);
const SECRET = 'a secret cat';
const files = await Promise.all(
  (await readdir(FOLDER)).map(async (name) => ({ name, bytes: await readFile(new URL(name, FOLDER)) })),
);

async function erased(bytes: Buffer): Promise<Buffer> {
  const copy = Buffer.from(bytes);
  await eraseMetadataIn(copy);
  return copy;
}

async function* inParts(bytes: Buffer, length: number): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += length) yield Buffer.from(bytes.subarray(at, at + length));
}

async function erasedInParts(bytes: Buffer, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of eraseMetadata(inParts(bytes, length))) parts.push(part);
  return Buffer.concat(parts);
}

/** What an independent reader finds in a file. */
async function contentOf(bytes: Buffer) {
  const { format, native } = await parseBuffer(bytes, undefined, { duration: true });
  const { tagTypes: _types, tool: _tool, ...media } = format;
  const texts = Object.values(native).flat();
  // The reader lists these names even without a value.
  return { media, texts: texts.filter(({ value }) => value !== undefined) };
}

/** The sound and the pictures, by where they begin, and by their length if something follows them. */
const MEDIA: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  avi: (bytes) => chunkAt(bytes, bytes.indexOf('movi') - 8, true),
  flac: (bytes) => bytes.subarray(bytes.indexOf(Buffer.from([0xff, 0xf8]))),
  mov: (bytes) => boxAt(bytes, 'mdat'),
  mp3: (bytes) => bytes.subarray(bytes.indexOf(Buffer.from([0xff, 0xf3]))),
  mp4: (bytes) => boxAt(bytes, 'mdat'),
  ogg: (bytes) => bytes.subarray(bytes.indexOf(Buffer.from('\x05vorbis', 'latin1'))),
  opus: (bytes) => bytes.subarray(bytes.lastIndexOf('OggS')),
  wav: (bytes) => chunkAt(bytes, bytes.indexOf('data'), true),
  webm: (bytes) => bytes.subarray(bytes.indexOf(Buffer.from('1f43b675', 'hex'))),
};

function chunkAt(bytes: Buffer, at: number, isLittle: boolean): Buffer {
  const length = isLittle ? bytes.readUInt32LE(at + 4) + 8 : bytes.readUInt32BE(at);
  return bytes.subarray(at, at + length);
}

const boxAt = (bytes: Buffer, type: string) => chunkAt(bytes, bytes.indexOf(type) - 4, false);

/** Pages whose checksum is wrong. */
function wrongPages(bytes: Buffer): number {
  let wrong = 0;
  for (let at = bytes.indexOf('OggS'), next = 0; at >= 0; at = next) {
    next = bytes.indexOf('OggS', at + 4);
    const page = Buffer.from(bytes.subarray(at, next < 0 ? bytes.length : next));
    const checksum = page.readUInt32LE(22);
    page.writeUInt32LE(0, 22);
    if (oggCrc(page) !== checksum) wrong += 1;
  }
  return wrong;
}

describe.each(files)('the metadata in $name', ({ name, bytes }) => {
  const media = MEDIA[name.split('.')[1] ?? ''] ?? (() => Buffer.alloc(0));

  it('are erased, and nothing else is', async () => {
    expect(bytes.includes(SECRET)).toBe(true);
    const result = await erased(bytes);
    expect(result.includes(SECRET)).toBe(false);
    expect(result).toHaveLength(bytes.length);
    expect(media(bytes).length).toBeGreaterThan(50);
    expect(media(result).equals(media(bytes))).toBe(true);
  });

  // The reader knows no AVI.
  if (!name.endsWith('.avi')) {
    it('are not found by a reader, which finds the same sound and pictures', async () => {
      const before = await contentOf(bytes);
      const after = await contentOf(await erased(bytes));
      expect(after.texts).toEqual([]);
      expect(after.media).toEqual(before.media);
      expect(before.media.container).toBeTypeOf('string');
    });
  }

  it('are erased in whatever parts the file arrives', async () => {
    const whole = await erased(bytes);
    for (const length of [1, 7, 1000, 65_536]) {
      expect((await erasedInParts(bytes, length)).equals(whole)).toBe(true);
    }
  });

  it('do no harm if the file is cut off or damaged', async () => {
    const random = new Random(bytes.length);
    for (let n = 0; n < 200; n += 1) {
      const cut = Buffer.from(bytes.subarray(0, random.int(0, bytes.length)));
      expect(await erased(cut)).toHaveLength(cut.length);
      const damaged = Buffer.from(bytes);
      for (let at = 0; at < 4; at += 1) damaged[random.int(0, 300)] = random.int(0, 255);
      expect(await erasedInParts(damaged, 500)).toHaveLength(damaged.length);
    }
  });
});

it('tags of unknown size and damaged ones do no harm to a video', async () => {
  const head = Buffer.from('1a45dfa380', 'hex');
  const tag = Buffer.concat([Buffer.from('737393', 'hex'), Buffer.from(`tag: ${SECRET}..`)]);
  const open = Buffer.concat([
    head,
    Buffer.from('18538067ff1254c367ff', 'hex'),
    tag,
    Buffer.from('1f43b67580', 'hex'),
  ]);
  const result = await erased(open);
  expect(result.includes(SECRET)).toBe(false);
  expect(result.subarray(-5).toString('hex')).toBe('1f43b67580');
  const damaged = Buffer.concat([head, Buffer.from('1254c36701fffffffffffffe', 'hex'), tag]);
  expect(await erased(damaged)).toHaveLength(damaged.length);
});

it('an MP3 may have several tags, and one at its end', async () => {
  const tag = (text: string) =>
    Buffer.concat([
      Buffer.from('ID3\x04\0\0\0\0\0', 'latin1'),
      Buffer.from([text.length]),
      Buffer.from(text),
    ]);
  const frame = Buffer.alloc(70_000, Buffer.from('fffb9064', 'hex'));
  const last = Buffer.concat([Buffer.from('TAG'), Buffer.alloc(125, SECRET)]);
  for (const start of [[], [tag(SECRET)], [tag(SECRET), tag(`${SECRET}!`)]]) {
    const sound = Buffer.concat([...start, frame, last]);
    const result = await erased(sound);
    expect(result.includes(SECRET)).toBe(false);
    expect(result).toHaveLength(sound.length);
    expect(result.subarray(-128 - frame.length, -128).equals(frame)).toBe(true);
    expect((await erasedInParts(sound, 1000)).equals(result)).toBe(true);
  }
});

it('Ogg pages have correct checksums afterwards', async () => {
  const ogg = files.filter(({ bytes }) => bytes.subarray(0, 4).toString() === 'OggS');
  expect(ogg).toHaveLength(2);
  for (const { bytes } of ogg) expect([wrongPages(bytes), wrongPages(await erased(bytes))]).toEqual([0, 0]);
});

/** A JSON header between bytes of other kinds. */
const latent = (header: object) => {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.from('tensors')]);
};

function gltf(header: object): Buffer {
  const json = Buffer.from(JSON.stringify(header).padEnd(400));
  const head = Buffer.from('glTF\x02\0\0\0\0\0\0\0\0\0\0\0JSON', 'latin1');
  head.writeUInt32LE(json.length, 12);
  return Buffer.concat([head, json, Buffer.from('\x08\0\0\0BIN\0vertices', 'latin1')]);
}

describe('headers', () => {
  it('of latents lose their metadata', async () => {
    const latent_tensor = { dtype: 'F32', shape: [1, 4, 8, 8], data_offsets: [0, 7] };
    const bytes = latent({ __metadata__: { prompt: SECRET }, latent_tensor });
    const result = await erased(bytes);
    expect([result.length, result.toString('latin1', bytes.length - 7)]).toEqual([bytes.length, 'tensors']);
    expect(JSON.parse(result.toString('utf8', 8, bytes.length - 7))).toEqual({ latent_tensor });
  });

  it('of other tensors keep them: a LoRA needs them', async () => {
    const bytes = latent({ __metadata__: { ss_network_dim: '16' }, weights: { data_offsets: [0, 7] } });
    expect((await erased(bytes)).equals(bytes)).toBe(true);
  });

  it('of 3D models lose the extras of ComfyUI', async () => {
    const rest = { meshes: [{ extras: { own: 1.5 } }] };
    const bytes = gltf({ asset: { version: '2.0', extras: { prompt: SECRET } }, ...rest });
    const result = await erased(bytes);
    expect(result).toHaveLength(bytes.length);
    expect(result.toString('latin1', 420)).toBe(bytes.toString('latin1', 420));
    expect(JSON.parse(result.toString('utf8', 20, 420))).toEqual({ asset: { version: '2.0' }, ...rest });
  });

  it.each([
    ['is in each drawing within the drawing', (all: string) => `<svg>${all}<g><svg>${all}</svg></g></svg>`],
    ['has the end of one in its text', (all: string) => `<svg>${all.replace('}', '</metadata>}')}<g/></svg>`],
    ['is empty before another one', (all: string) => `<svg><metadata id="a"/><g/>${all}</svg>`],
    ['is in a comment, too', (all: string) => `<!-- <metadata> --><svg>${all}</svg>`],
    [
      'has attributes and a line break',
      (all: string) => `<svg>${all.replace('<metadata>', '<metadata\nid="a">')}</svg>`,
    ],
    ['is after a byte order mark', (all: string) => `\ufeff<svg>${all}</svg>`],
  ])('of drawings lose metadata that %s', async (_name, drawing) => {
    const metadata = `<metadata><![CDATA[{"prompt": "${SECRET}"}]]></metadata>`;
    const text = drawing(metadata);
    const result = (await erased(Buffer.from(text))).toString();
    expect(result).not.toContain(SECRET);
    // What is left is the drawing, without what is between the tags.
    const tags = (xml: string) => xml.replace(/<metadata\s*id="a"\/>| /g, '');
    const without = drawing('').replace('<!-- <metadata> -->', '');
    expect(tags(result).replace('<!--<metadata>-->', '')).toBe(tags(without));
    expect(Buffer.byteLength(result)).toBe(Buffer.byteLength(text));
  });

  it('of drawings lose their metadata', async () => {
    const metadata = `<metadata>\n<![CDATA[\n{"prompt": "${SECRET}"}\n]]>\n</metadata>`;
    const drawing = (inner: string) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="8">${inner}<path d="M0 0"/></svg>`;
    const result = await erased(Buffer.from(drawing(metadata)));
    expect(result.toString()).toBe(drawing(' '.repeat(metadata.length)));
    const other = Buffer.from(`<?xml version="1.0"?><package>${metadata}</package>`);
    expect((await erased(other)).equals(other)).toBe(true);
  });
});

describe('files that stay as they are', () => {
  const pixels = { create: { width: 8, height: 8, channels: 3 as const, background: 'red' } };
  it.each([
    [
      'AVIF',
      () =>
        sharp(pixels)
          .withExif({ IFD0: { Copyright: 'me' } })
          .avif()
          .toBuffer(),
    ],
    [
      'an image with the brand of a video codec',
      async () => Buffer.from('\0\0\0\x10ftypavci\0\0\0\0\0\0\0\x10metapixels..', 'latin1'),
    ],
    ['PNG', () => sharp(pixels).png().toBuffer()],
    ['a text', async () => Buffer.from('ID is 3, and udta is a word')],
    ['nothing', async () => Buffer.alloc(0)],
    ['a box of unknown length', async () => Buffer.from('\0\0\0\x08ftyp\0\0\0\0mdatudta', 'latin1')],
  ])('%s', async (_name, make) => {
    const bytes = await make();
    expect((await erased(bytes)).equals(bytes)).toBe(true);
  });
});

it('a video of very many tiny boxes leaves time for other work', async () => {
  const boxes = 200_000;
  const start = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1');
  const video = Buffer.concat([start, Buffer.alloc(8 * boxes, Buffer.from('\0\0\0\x08free', 'latin1'))]);
  let turns = 0;
  const others = setInterval(() => {
    turns += 1;
  }, 1);
  await eraseMetadataIn(video);
  clearInterval(others);
  expect(turns).toBeGreaterThan(5);
});

describe('a file that is read', () => {
  const [video] = files.filter(({ name }) => name === 'video.mp4');
  const bytes = video?.bytes ?? Buffer.alloc(0);

  it('passes its error on', async () => {
    async function* broken(): AsyncGenerator<Buffer, void> {
      yield bytes.subarray(0, 100);
      throw new Error('the connection broke');
    }
    await expect(async () => {
      for await (const _part of eraseMetadata(broken()));
    }).rejects.toThrow('the connection broke');
  });

  it('is closed if nobody reads on', async () => {
    let isClosed = false;
    async function* source(): AsyncGenerator<Buffer, void> {
      try {
        yield* inParts(bytes, 100);
      } finally {
        isClosed = true;
      }
    }
    for await (const _part of eraseMetadata(source())) break;
    expect(isClosed).toBe(true);
  });

  it('is passed on before it has arrived', async () => {
    const never = new Promise(() => undefined);
    async function* source(): AsyncGenerator<Buffer, void> {
      yield Buffer.from(bytes.subarray(0, 2000));
      await never;
    }
    const result = eraseMetadata(source());
    expect((await result.next()).value).toHaveLength(2000);
  });
});
