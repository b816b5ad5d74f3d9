import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { middle, pixel } from '../support/pictures.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
let directory: string;
let output: string;

const read = (name: string) => readFile(path.join(directory, name));

/** Width and height as a viewer displays them. */
async function shownSize(image: Buffer): Promise<[number, number]> {
  const { autoOrient } = await sharp(image).metadata();
  return [autoOrient.width, autoOrient.height];
}

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'demo-'));
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['dist/demo/index.js', '--once', '--out', directory], {
    cwd: ROOT,
  });
  output = stdout;
});
afterAll(() => rm(directory, { recursive: true }));

describe('the options of the demo', () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['dist/demo/index.js', ...args], { cwd: ROOT });

  it('are printed with --help', async () => {
    expect((await run('--help')).stdout).toContain('--once');
  });

  it.each([
    ['unknown', ['--nonsense'], '--nonsense'],
    ['no port', ['--port', 'abc'], 'The port must be a number from 0 to 65535, not "abc".'],
  ])('are explained when one is %s', async (_, args, message) => {
    const { stderr } = await run(...args).then(
      () => expect.fail('it did not fail'),
      (error: { stderr: string }) => error,
    );
    expect(stderr).toContain(message);
    expect(stderr).toContain('--once');
    expect(stderr).not.toContain('    at ');
  });
});

describe('the demo fails with one sentence', () => {
  const failure = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['dist/demo/index.js', ...args], { cwd: ROOT }).then(
      () => expect.fail('it did not fail'),
      ({ stderr }: { stderr: string }) => stderr,
    );

  it('if the port that was requested is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const stderr = await failure('--once', '--out', directory, '--port', String(port));
    holder.close();
    expect(stderr.trim()).toBe(`The demo failed: Port ${port} is in use. Choose another one with --port.`);
  });

  it('if images cannot be saved, before it runs a workflow', async () => {
    const file = path.join(directory, 'a-file');
    await writeFile(file, '');
    const stderr = await failure('--once', '--out', path.join(file, 'images'));
    await rm(file);
    expect(stderr).toMatch(
      /^\nThe demo failed: Images cannot be saved: .+ Choose another folder with --out\.\n$/,
    );
  });
});

it('the demo takes any port if the usual one is in use', async () => {
  const holder = createServer().listen(3000, '127.0.0.1');
  // If it is in use already, that is as good.
  await new Promise<void>((resolve) => holder.once('listening', resolve).once('error', () => resolve()));
  const demo = spawn(process.execPath, ['dist/demo/index.js', '--out', directory], { cwd: ROOT });
  const ended = once(demo, 'exit');
  let failure = '';
  demo.stderr.on('data', (part: Buffer) => {
    failure += String(part);
  });
  let said = '';
  for await (const part of demo.stdout as AsyncIterable<Buffer>) {
    said += String(part);
    if (said.includes('simulated ComfyUI on')) break;
  }
  expect(said).toMatch(/^Server on http:\/\/127\.0\.0\.1:(?!3000,)\d+,/m);
  // Its first request may be under way. An exception would end it before its processes.
  demo.kill('SIGINT');
  await ended;
  expect(failure).toBe('');
  holder.close();
});

describe('the demo', () => {
  it('writes before and after of every workflow, and shows its progress', async () => {
    expect((await readdir(directory)).sort()).toEqual([
      '1-remove-background-after.png',
      '1-remove-background-before.jpg',
      '2-upscale-image-after.png',
      '2-upscale-image-before.png',
      '3-upscale-remove-bg-after.png',
      '3-upscale-remove-bg-before.jpg',
    ]);
    expect(output).toMatch(/upscale-image.* 50 % +ImageUpscaleWithModel/);
  });

  it('cuts the product out: a transparent border and an opaque subject', async () => {
    const image = await read('1-remove-background-after.png');
    const [width, height] = await shownSize(image);
    for (const at of [0, 0.25, 0.5, 0.75, 1]) {
      const [x, y] = [Math.round(at * (width - 1)), Math.round(at * (height - 1))];
      for (const [px, py] of [
        [x, 0],
        [x, height - 1],
        [0, y],
        [width - 1, y],
      ] as const) {
        expect((await pixel(image, px, py)).alpha).toBe(0);
      }
    }
    expect((await middle(image)).alpha).toBe(255);
  });

  it.each([
    ['2-upscale-image-before.png', '2-upscale-image-after.png'],
    ['3-upscale-remove-bg-before.jpg', '3-upscale-remove-bg-after.png'],
  ])('enlarges %s four times', async (before, after) => {
    const [width, height] = await shownSize(await read(before));
    expect(await shownSize(await read(after))).toEqual([width * 4, height * 4]);
  });

  it('keeps the transparency of the badge', async () => {
    const image = await read('2-upscale-image-after.png');
    expect((await pixel(image, 4, 4)).alpha).toBe(0);
    expect((await middle(image)).alpha).toBe(255);
  });

  it('stands the phone photo upright: leaves above, pot below', async () => {
    const image = await read('3-upscale-remove-bg-after.png');
    const [width, height] = await shownSize(image);
    expect(height).toBeGreaterThan(width);
    const leaf = await pixel(image, width / 2, Math.round(height * 0.3));
    const pot = await pixel(image, width / 2, Math.round(height * 0.8));
    expect(leaf.g).toBeGreaterThan(leaf.r + 30);
    expect(pot.r).toBeGreaterThan(pot.g + 30);
    expect([leaf.alpha, pot.alpha]).toEqual([255, 255]);
  });
});
