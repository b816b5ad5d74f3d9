/** Pictures in other forms, and parts of files, at `GET /view` on the port of ComfyUI's own API. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { withChunks } from '../support/imageFiles.js';
import type { NativeClient } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';
import { run, save } from '../support/nativeRuns.js';
import { png, transparentPng } from '../support/pictures.js';

const site = new NativeSite();
afterEach(() => site.stop());

const machine = () => site.newClient(site.stack.simulator().host);

interface Viewed {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

/** `GET /view`. Without the header, `fetch` forbids that a conditional request is answered from a cache. */
async function view(
  client: NativeClient,
  query: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Viewed> {
  const response = await client.fetch(`/view?${new URLSearchParams(query)}`, {
    headers: { 'Cache-Control': 'max-age=0', ...headers },
  });
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

describe.each(['memory', 'disk'])('an output in %s', (ASSET_STORE) => {
  it('is sent in parts, which are parts of the file without its prompt', async () => {
    const ASSET_DIR = await mkdtemp(path.join(tmpdir(), 'assets-'));
    const client = await site.start({ env: { ASSET_STORE, ASSET_DIR } });
    await client.upload('photo.png', await png({ width: 200, height: 200 }));
    const { image } = await run(client, save('photo.png'));
    const whole = await view(client, image);
    expect(whole.bytes.includes('class_type')).toBe(false);
    expect(whole.headers.get('accept-ranges')).toBe('bytes');
    const parts: Buffer[] = [];
    for (let at = 0; at < whole.bytes.length; at += 100) {
      const part = await view(client, image, {
        Range: `bytes=${at}-${at + 99}`,
        'If-Range': whole.headers.get('etag') ?? '',
      });
      expect(part.status).toBe(206);
      parts.push(part.bytes);
    }
    expect(Buffer.concat(parts).equals(whole.bytes)).toBe(true);
    const longer = await view(client, image, { Range: `bytes=-${whole.bytes.length + 1}` });
    expect([longer.status, longer.bytes.length]).toEqual([206, whole.bytes.length]);
    const beyond = await view(client, image, { Range: `bytes=${whole.bytes.length}-` });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([
      416,
      `bytes */${whole.bytes.length}`,
    ]);
    const date = whole.headers.get('last-modified') ?? '';
    expect((await view(client, image, { Range: 'bytes=0-9', 'If-Range': date })).status).toBe(206);
    expect((await view(client, image, { Range: 'bytes=0-9', 'If-Range': '"other"' })).status).toBe(200);
  });

  it('is not sent again, in no form, to a client that has it', async () => {
    const ASSET_DIR = await mkdtemp(path.join(tmpdir(), 'assets-'));
    const client = await site.start({ env: { ASSET_STORE, ASSET_DIR } });
    await client.upload('photo.png', await png());
    const { image } = await run(client, save('photo.png'));
    const etags = new Set<string>();
    for (const form of [{}, { preview: 'webp;90' }, { preview: 'webp;80' }, { channel: 'a' }]) {
      const { headers } = await view(client, { ...image, ...form });
      const etag = headers.get('etag') ?? '';
      etags.add(etag);
      expect(headers.get('cache-control')).toBe('private, no-cache');
      const again = await view(client, { ...image, ...form }, { 'If-None-Match': etag, Range: 'bytes=0-9' });
      expect([again.status, again.bytes.length, again.headers.get('content-range')]).toEqual([304, 0, null]);
    }
    expect(etags.size).toBe(4);
  });
});

describe('an uploaded picture', () => {
  it('has another version when it is overwritten', async () => {
    const client = await site.start();
    const place = { filename: 'a.png', type: 'input' };
    const etagOf = async () => (await view(client, place)).headers.get('etag') ?? '';
    await client.upload('a.png', await png());
    const first = await etagOf();
    expect(await etagOf()).toBe(first);
    await client.upload('a.png', await transparentPng(), { overwrite: 'true' });
    const status = async (query: object) =>
      (await view(client, { ...place, ...query }, { 'If-None-Match': first })).status;
    expect([await status({}), await status({ preview: 'webp' })]).toEqual([200, 200]);
  });

  it('has its own colours without alpha, and no metadata in any form', async () => {
    const client = await site.start();
    const raw = { width: 2, height: 1, channels: 4 } as const;
    const bytes = await sharp(Buffer.from([10, 20, 30, 0, 1, 2, 3, 77]), { raw })
      .withExif({ IFD0: { Copyright: 'secret' } })
      .png()
      .toBuffer();
    await client.upload('a.png', bytes);
    const shown = async (query: object) => {
      const answer = await view(client, { filename: 'a.png', type: 'input', ...query });
      expect(answer.bytes.includes('secret')).toBe(false);
      return [...(await sharp(answer.bytes).raw().toBuffer())];
    };
    expect(await shown({ channel: 'rgb' })).toEqual([10, 20, 30, 1, 2, 3]);
    expect(await shown({ channel: 'a' })).toEqual([0, 0, 0, 0, 0, 0, 0, 77]);
    expect(await shown({ preview: 'webp' })).toHaveLength(8);
    expect(await shown({ preview: 'jpeg' })).toHaveLength(6);
  });

  it('has no transparency to extract if one of its colours is transparent', async () => {
    const client = await site.start();
    const colour = { r: 10, g: 20, b: 30 };
    const opaque = await png({ width: 2, height: 2, colour, background: colour });
    const bytes = withChunks(opaque, 'IDAT', ['tRNS', Buffer.from([0, 0x0a, 0, 0x14, 0, 0x1e])]);
    await client.upload('a.png', bytes);
    const { bytes: shown } = await view(client, { filename: 'a.png', type: 'input', channel: 'a' });
    expect([...(await sharp(shown).extractChannel(3).raw().toBuffer())]).toEqual([255, 255, 255, 255]);
  });

  it('is not there for another client, in any form', async () => {
    const env = { API_KEYS: 'one:key-of-the-first-one,other:key-of-the-other-one' };
    const client = await site.start({ env }, 'key-of-the-first-one');
    await client.upload('a.png', await png());
    const other = site.newClient(site.stack.nativeHost, 'key-of-the-other-one');
    const query = { filename: 'a.png', type: 'input', preview: 'webp' };
    expect((await view(client, query)).status).toBe(200);
    expect((await view(other, query)).status).toBe(404);
  });

  it('with more pixels than allowed is not decoded', async () => {
    const client = await site.start({ env: { MAX_IMAGE_PIXELS: '1000' } });
    for (const one of [client, machine()]) await one.upload(`${one.host}.png`, await png());
    for (const { host } of [client, machine()]) {
      const query = { filename: `${host}.png`, type: 'input' };
      const { status, bytes } = await view(client, { ...query, preview: 'webp' });
      expect([status, JSON.parse(String(bytes)).error.type]).toEqual([413, 'image_too_large']);
      expect((await view(client, query)).status).toBe(200);
    }
  });

  it('that is too wide for a WebP can be had as a PNG', async () => {
    const client = await site.start();
    await client.upload('wide.png', await png({ width: 16_384, height: 16 }));
    const query = { filename: 'wide.png', type: 'input' };
    expect((await view(client, { ...query, preview: 'webp' })).status).toBe(413);
    expect((await view(client, { ...query, channel: 'rgb' })).status).toBe(200);
  });
});

describe('a file that is no picture', () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';

  it.each([
    ['memory', 'text.png', 'no picture'],
    ['disk', 'text.png', 'no picture'],
    ['memory', 'drawing.svg', svg],
    ['memory', 'empty.png', ''],
  ])('has no other form (%s, %s)', async (ASSET_STORE, filename, text) => {
    const ASSET_DIR = await mkdtemp(path.join(tmpdir(), 'assets-'));
    const client = await site.start({ env: { ASSET_STORE, ASSET_DIR } });
    await client.upload(filename, Buffer.from(text));
    await machine().upload(`their ${filename}`, Buffer.from(text));
    for (const one of [filename, `their ${filename}`]) {
      const query = { filename: one, type: 'input' };
      const { status, headers, bytes } = await view(client, { ...query, preview: 'webp' });
      expect([status, JSON.parse(String(bytes)).error.type]).toEqual([415, 'unsupported_image_type']);
      expect([headers.get('etag'), headers.get('content-disposition')]).toEqual([null, null]);
      expect(String((await view(client, query)).bytes)).toBe(text);
    }
  });

  it.each(['page.html', 'page.shtml', 'page.xht', 'drawing.svg', 'drawing.svgz', 'code.mjs', 'data.rss'])(
    'is not run by a browser (%s)',
    async (filename) => {
      const client = await site.start();
      await client.upload(filename, Buffer.from('<script>alert(1)</script>'));
      const { headers } = await view(client, { filename, type: 'input' });
      expect(headers.get('content-type')).toBe('application/octet-stream');
      expect(headers.get('content-disposition')).toBe(`attachment; filename="${filename}"`);
    },
  );

  it.each([
    ['notes.txt', 'text/plain; charset=utf-8'],
    ['clip.mp4', 'video/mp4'],
    ['sheet.xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
    ['no-extension', 'application/octet-stream'],
    ['strange.zzz', 'application/octet-stream'],
  ])('has its type: %s', async (filename, type) => {
    const client = await site.start();
    await client.upload(filename, Buffer.from('anything'));
    const { headers } = await view(client, { filename, type: 'input' });
    expect(headers.get('content-type')).toBe(type);
    expect(headers.get('content-disposition')).toBe(`filename="${filename}"`);
  });

  it('or a damaged one is reported', async () => {
    const client = await site.start();
    const whole = await png({ width: 300, height: 300 });
    await client.upload('cut.png', whole.subarray(0, whole.length / 2));
    const query = { filename: 'cut.png', type: 'input', channel: 'rgb' };
    const { status, bytes } = await view(client, query);
    expect([status, JSON.parse(String(bytes)).error.type]).toEqual([400, 'invalid_image']);
  });
});

describe('a file in the input folder of a machine', () => {
  const query = { filename: 'theirs.mp4', type: 'input' };

  it('is requested from the machine in parts', async () => {
    const client = await site.start();
    await machine().upload('theirs.mp4', Buffer.from('0123456789'));
    const part = await view(client, query, { Range: 'bytes=2-4' });
    expect([part.status, String(part.bytes), part.headers.get('content-length')]).toEqual([206, '234', '3']);
    const etag = part.headers.get('etag') ?? '';
    expect((await view(client, query, { 'If-None-Match': etag })).status).toBe(304);
    const beyond = await view(client, query, { Range: 'bytes=10-' });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    expect(beyond.headers.get('content-type')).toMatch(/^application\/json/);
    // Several ranges are ignored.
    expect((await view(client, query, { Range: 'bytes=0-1,3-4' })).status).toBe(200);
  });

  it.each(['bytes=2-4', 'bytes=15-19'])('is sent as a whole if it has changed, for %s', async (Range) => {
    const client = await site.start();
    await machine().upload('theirs.mp4', Buffer.from('01234567890123456789'));
    const etag = (await view(client, query)).headers.get('etag') ?? '';
    expect((await view(client, query, { Range, 'If-Range': etag })).status).toBe(206);
    await machine().upload('theirs.mp4', Buffer.from('9876543210'), { overwrite: 'true' });
    const { status, bytes } = await view(client, query, { Range, 'If-Range': etag });
    expect([status, String(bytes)]).toEqual([200, '9876543210']);
  });

  it('that is nowhere is not there for HEAD and parts', async () => {
    const client = await site.start();
    const missing = { filename: 'nowhere.mp4', type: 'input' };
    expect((await view(client, missing, { Range: 'bytes=0-1' })).status).toBe(404);
    expect((await client.fetch(`/view?${new URLSearchParams(missing)}`, { method: 'HEAD' })).status).toBe(
      404,
    );
    expect((await view(client, { ...missing, preview: 'webp' })).status).toBe(404);
  });
});
