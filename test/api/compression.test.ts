import { once } from 'node:events';
import { get as httpGet, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { statusAnswer } from '../../src/schemas/status.js';
import { png, transparentPng } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
let job: string;
beforeAll(async () => {
  stack = await Stack.start();
  job = await stack.client.submit('remove-background', await transparentPng(400));
  await stack.client.finished(job);
});
afterAll(() => stack.stop());

/** A raw response, as sent over the wire. */
async function get(
  path: string,
  headers: Readonly<Record<string, string>> = { 'Accept-Encoding': 'gzip' },
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: Buffer }> {
  const [response] = (await once(httpGet(stack.client.baseUrl + path, { headers }), 'response')) as [
    IncomingMessage,
  ];
  const body = Buffer.concat(await response.toArray());
  return { status: response.statusCode, headers: response.headers, body };
}

describe('a client that accepts compressed responses', () => {
  it('gets JSON of more than 1 KB compressed, and small JSON as it is', async () => {
    const large = await get('/openapi.json');
    expect(large.headers).toMatchObject({
      'content-encoding': 'gzip',
      vary: expect.stringContaining('Accept-Encoding'),
    });
    expect(JSON.parse(gunzipSync(large.body).toString()).openapi).toBe('3.1.0');
    expect(large.body.length).toBeLessThan(30_000);
    const small = await get('/status');
    expect(small.headers['content-encoding']).toBeUndefined();
    statusAnswer.parse(JSON.parse(small.body.toString()));
  });

  it('gets Brotli where it prefers it', async () => {
    const { headers, body } = await get('/openapi.json', { 'Accept-Encoding': 'gzip, br' });
    expect(headers['content-encoding']).toBe('br');
    expect(JSON.parse(brotliDecompressSync(body).toString()).openapi).toBe('3.1.0');
  });

  it('gets the metrics compressed', async () => {
    const { headers, body } = await get('/metrics');
    expect(headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(body).toString()).toContain('comfyui_middleware_build_info{');
  });

  it('gets pictures as they are, whole and in parts, with the tag that stands for their bytes', async () => {
    const { headers, body } = await get(`/api/jobs/${job}/outputs/0`);
    expect(headers['content-encoding']).toBeUndefined();
    expect(body.length).toBeGreaterThan(1024);
    expect(Number(headers['content-length'])).toBe(body.length);
    const etag = String(headers.etag);
    const known = await get(`/api/jobs/${job}/outputs/0`, {
      'Accept-Encoding': 'gzip',
      'If-None-Match': etag,
    });
    expect(known.status).toBe(304);
    const part = await get(`/api/jobs/${job}/outputs/0`, { 'Accept-Encoding': 'gzip', Range: 'bytes=10-19' });
    expect([part.status, part.headers['content-encoding']]).toEqual([206, undefined]);
    expect(part.body.equals(body.subarray(10, 20))).toBe(true);
  });

  it('gets a picture in JSON as it is, with its length', async () => {
    const { headers, body } = await get(`/api/jobs/${job}/result`);
    expect(headers['content-encoding']).toBeUndefined();
    expect(Number(headers['content-length'])).toBe(body.length);
    expect(JSON.parse(body.toString()).result.image_base64).toMatch(/^data:image\/png;base64,/);
  });

  it('gets events one by one, as they happen', async () => {
    stack.simulator().faults.hang = true;
    const running = await stack.client.submit('remove-background', await png());
    const request = httpGet(`${stack.client.baseUrl}/api/jobs/${running}/events`, {
      headers: { 'Accept-Encoding': 'gzip, br' },
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.headers['content-encoding']).toBeUndefined();
    let told = '';
    while (!told.includes(running)) {
      const [part] = (await once(response, 'data')) as [Buffer];
      told += part.toString();
    }
    stack.simulator().faults.hang = false;
    response.resume();
    await once(response, 'end');
  });
});

describe('a client that does not', () => {
  it.each([{}, { 'Accept-Encoding': 'identity' }])('gets everything as it is (%o)', async (headers) => {
    const { headers: answered, body } = await get('/openapi.json', headers);
    expect(answered['content-encoding']).toBeUndefined();
    expect(JSON.parse(body.toString()).openapi).toBe('3.1.0');
  });
});
