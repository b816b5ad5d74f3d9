import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { eraseMetadata, eraseMetadataIn } from '../../src/services/media/eraseMetadata.js';
import { Random } from '../support/random.js';

const FOLDER = new URL('../cases/media/', import.meta.url);
const SEED = Date.now() % 1_000_000;

function glb(json: string): Buffer {
  const text = Buffer.from(json.padEnd(4 * Math.ceil(json.length / 4)));
  const head = Buffer.alloc(20);
  head.write('glTF');
  for (const [n, value] of [2, 20 + text.length, text.length, 0x4e4f534a].entries()) {
    head.writeUInt32LE(value, 4 + 4 * n);
  }
  return Buffer.concat([head, text, Buffer.from('the model')]);
}

function latent(json: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, Buffer.from(json), Buffer.from('the tensor')]);
}

const gltf = (more: string) => glb(`{"asset":{"version":"2.0","extras":{"prompt":"cat"}}${more}}`);
const files = [
  ...(await Promise.all((await readdir(FOLDER)).map((name) => readFile(new URL(name, FOLDER))))),
  gltf(',"scenes":[{}]'),
  latent('{"__metadata__":{"prompt":"cat"},"latent_tensor":{"shape":[1]}}'),
  Buffer.from('<svg xmlns="a"><metadata>cat</metadata><g><metadata/></g></svg>'),
];

async function erased(bytes: Buffer): Promise<Buffer> {
  const copy = Buffer.from(bytes);
  await eraseMetadataIn(copy);
  return copy;
}

async function erasedInParts(bytes: Buffer, length: number): Promise<Buffer> {
  async function* parts() {
    for (let at = 0; at < bytes.length; at += length) yield Buffer.from(bytes.subarray(at, at + length));
  }
  const done: Buffer[] = [];
  for await (const part of eraseMetadata(parts())) done.push(part);
  return Buffer.concat(done);
}

describe.each(['[', '{"a":'])('headers of nested %s', (open) => {
  const close = open === '[' ? ']' : '}';

  it.each([1000, 5000, 100_000])('%i levels deep do not fail, and keep their length', async (levels) => {
    const nested = `${open.repeat(levels)}1${close.repeat(levels)}`;
    for (const file of [
      gltf(`,"x":${nested}`),
      latent(`{"__metadata__":{},"latent_tensor":1,"x":${nested}}`),
    ]) {
      expect(await erased(file)).toHaveLength(file.length);
    }
  });
});

it(`damaged files pass, in one part and in many alike (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  for (let n = 0; n < 1500; n += 1) {
    const file = Buffer.from(random.pick(files));
    // Most of what an eraser reads is near the start.
    const place = () => Math.floor(random.next() ** 3 * file.length);
    for (let changes = random.int(1, 12); changes > 0; changes -= 1) {
      file[place()] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.int(0, 255)]);
    }
    const damaged = random.next() < 0.2 ? file.subarray(0, place()) : file;
    const whole = await erased(damaged);
    expect(whole).toHaveLength(damaged.length);
    expect((await erasedInParts(damaged, random.int(1, 5000))).equals(whole)).toBe(true);
  }
});
