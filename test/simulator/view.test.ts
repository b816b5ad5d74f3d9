import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { jpeg, png, transparentPng } from '../support/pictures.js';
import { upload } from './upload.js';

let simulator: Simulator;
beforeEach(async () => {
  simulator = await startSimulator();
});
afterEach(() => simulator.stop());

const get = (query: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`http://${simulator.host}/view?type=input&${query}`, { method, headers });

const bodyOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());

describe('GET /view of a file', () => {
  const bytes = Buffer.from('0123456789');
  beforeEach(() => upload(simulator, { name: 'a.mp4', bytes }));

  it.each([
    ['bytes=2-4', 'bytes 2-4/10', '234'],
    ['bytes=7-', 'bytes 7-9/10', '789'],
    ['bytes=-3', 'bytes 7-9/10', '789'],
    ['bytes=-99', 'bytes 0-9/10', '0123456789'],
    ['bytes=8-99', 'bytes 8-9/10', '89'],
  ])('sends the range %s', async (Range, contentRange, text) => {
    const answer = await get('filename=a.mp4', { Range });
    expect([answer.status, answer.headers.get('content-range')]).toEqual([206, contentRange]);
    expect(answer.headers.get('content-type')).toBe('video/mp4');
    expect(await answer.text()).toBe(text);
  });

  it.each(['bytes=10-', 'bytes=5-2', 'bytes=0-1,3-4', 'bytes=-', 'lines=1-2'])(
    'cannot send the range %s',
    async (Range) => {
      const answer = await get('filename=a.mp4', { Range });
      expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */10']);
      expect(await answer.text()).toBe('');
    },
  );

  it.each(['名前.png', 'é.png', '🙂.png'])('has the name %s in its headers, as UTF-8', async (name) => {
    await upload(simulator, { name, bytes: await png() });
    const answer = await get(`filename=${encodeURIComponent(name)}`);
    expect(answer.status).toBe(200);
    const header = Buffer.from(answer.headers.get('content-disposition') ?? '', 'latin1').toString();
    expect(header).toContain(name);
  });

  it('is a 500 if its name cannot be in a header, and the machine goes on', async () => {
    simulator.folders.write({ type: 'input', subfolder: '', filename: 'a\nb.png' }, await png());
    expect((await get('filename=a%0Ab.png')).status).toBe(500);
    expect((await get('filename=a.mp4')).status).toBe(200);
  });

  it('knows whether a client has it', async () => {
    const whole = await get('filename=a.mp4');
    expect(whole.headers.get('accept-ranges')).toBe('bytes');
    expect(whole.headers.get('content-disposition')).toBe('filename="a.mp4"');
    const etag = whole.headers.get('etag') ?? '';
    const date = whole.headers.get('last-modified') ?? '';
    const past = new Date(0).toUTCString();
    const statusFor = async (headers: Record<string, string>) =>
      (await get('filename=a.mp4', headers)).status;
    expect(await statusFor({ 'If-None-Match': etag })).toBe(304);
    expect(await statusFor({ 'If-None-Match': '"other"' })).toBe(200);
    expect(await statusFor({ 'If-Modified-Since': date })).toBe(304);
    expect(await statusFor({ 'If-Modified-Since': past })).toBe(200);
    expect(await statusFor({ Range: 'bytes=0-1', 'If-Range': date })).toBe(206);
    expect(await statusFor({ Range: 'bytes=0-1', 'If-Range': past })).toBe(200);
    // aiohttp reads a date only.
    expect(await statusFor({ Range: 'bytes=0-1', 'If-Range': '"other"' })).toBe(206);
  });

  it('describes it to HEAD', async () => {
    const answer = await get('filename=a.mp4', {}, 'HEAD');
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '10']);
  });
});

describe('GET /view of a picture', () => {
  const read = async (answer: Response) => sharp(await bodyOf(answer)).metadata();

  it.each([
    ['preview=webp', 'webp', true],
    ['preview=jpeg;75', 'jpeg', false],
    ['preview=png;75', 'webp', true],
    ['preview=75', 'webp', true],
    ['preview=jpeg&channel=rgb', 'jpeg', false],
    ['preview=jpeg&channel=rgba', 'webp', true],
    ['preview=jpeg&channel=a', 'webp', true],
    ['preview=webp&channel=rgb', 'webp', false],
    ['channel=rgb', 'png', false],
    ['channel=a', 'png', true],
  ])('with %s sends a %s', async (query, format, hasAlpha) => {
    await upload(simulator, { name: 'a.png', bytes: await transparentPng() });
    const answer = await get(`filename=a.png&${query}`);
    expect(answer.headers.get('content-type')).toBe(`image/${format}`);
    expect(answer.headers.get('content-disposition')).toBe('filename="a.png"');
    expect(await read(answer)).toMatchObject({ format, hasAlpha, width: 32, height: 32 });
  });

  it('takes the quality from what follows the format', async () => {
    await upload(simulator, { name: 'a.jpg', bytes: await jpeg({ width: 300, height: 300 }) });
    const sizeOf = async (preview: string) =>
      (await bodyOf(await get(`filename=a.jpg&preview=${preview}`))).length;
    expect(await sizeOf('webp;10')).toBeLessThan(await sizeOf('webp;90'));
    expect(await sizeOf('webp;good')).toBe(await sizeOf('webp;90'));
    expect(await sizeOf('10')).toBe(await sizeOf('webp;10'));
  });

  it('has its own colours without alpha, and black with its alpha', async () => {
    const raw = { width: 2, height: 1, channels: 4 } as const;
    const bytes = await sharp(Buffer.from([10, 20, 30, 0, 1, 2, 3, 77]), { raw })
      .png()
      .toBuffer();
    await upload(simulator, { name: 'a.png', bytes });
    const pixels = async (channel: string, name = 'a.png') => [
      ...(await sharp(await bodyOf(await get(`filename=${name}&channel=${channel}`)))
        .raw()
        .toBuffer()),
    ];
    expect(await pixels('rgb')).toEqual([10, 20, 30, 1, 2, 3]);
    expect(await pixels('a')).toEqual([0, 0, 0, 0, 0, 0, 0, 77]);
    expect(await pixels('rgba')).toEqual([10, 20, 30, 0, 1, 2, 3, 77]);
    await upload(simulator, {
      name: 'palette.png',
      bytes: await sharp(bytes).png({ palette: true }).toBuffer(),
    });
    expect(await pixels('a', 'palette.png')).toEqual([0, 0, 0, 255, 0, 0, 0, 255]);
    await upload(simulator, { name: 'opaque.png', bytes: await png({ width: 1, height: 1 }) });
    expect(await pixels('a', 'opaque.png')).toEqual([0, 0, 0, 255]);
  });

  it('fails for a file that is no picture', async () => {
    await upload(simulator, { name: 'a.png', bytes: Buffer.from('no picture') });
    for (const query of ['preview=webp', 'channel=rgb', 'channel=a']) {
      expect((await get(`filename=a.png&${query}`)).status).toBe(500);
    }
    expect((await get('filename=a.png&channel=rgba')).status).toBe(200);
  });
});
