import path from 'node:path';
import { build } from 'vite';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type * as library from '../../src/client/index.js';
import { launchBrowser, openPage, requireBrowser } from '../support/browser.js';
import { S3_CREDENTIALS, S3Server } from '../support/S3Server.js';
import { Stack } from '../support/stack.js';

const API_KEY = 'shop-key-0123456789ab';
const stops: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** The client as one script, whose exports are `window.library`. */
async function script(): Promise<string> {
  const entry = path.resolve(import.meta.dirname, '../../src/client/index.ts');
  const lib = { entry, name: 'library', formats: ['iife' as const] };
  const built = await build({ configFile: false, logLevel: 'warn', build: { write: false, lib } });
  const [first] = Array.isArray(built) ? built : [built];
  if (!first || !('output' in first)) throw new Error('there is no bundle');
  return first.output[0].code;
}

describe.skipIf(!requireBrowser())('the client in a browser', () => {
  it('fetches an output from S3, which does not get the API key', async () => {
    for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value);
    const s3 = await S3Server.start();
    stops.unshift(() => s3.stop());
    const stack = await Stack.start({
      env: {
        API_KEYS: `shop:${API_KEY}`,
        ASSET_STORE: 's3',
        S3_BUCKET: s3.bucket,
        S3_ENDPOINT: s3.endpoint,
        S3_FORCE_PATH_STYLE: 'true',
        S3_PRESIGN_SECONDS: '60',
      },
    });
    stops.unshift(() => stack.stop());
    const browser = await launchBrowser();
    stops.unshift(() => browser.close());
    // The policy of the page itself allows no other server.
    const { page } = await openPage(browser, stack.client.baseUrl, { bypassCSP: true });
    await page.addScriptTag({ content: await script() });
    s3.requests.length = 0;
    const sizes = await page.evaluate(async (apiKey) => {
      const { MiddlewareClient } = (window as unknown as { library: typeof library }).library;
      const client = new MiddlewareClient({ apiKey });
      const context = new OffscreenCanvas(8, 8);
      context.getContext('2d')?.fillRect(0, 0, 8, 8);
      const { outputs } = await client.run('remove-background', { imageFile: await context.convertToBlob() });
      return [(await outputs[0].bytes()).length, outputs[0].sizeBytes];
    }, API_KEY);
    expect(sizes[0]).toBe(sizes[1]);
    // The server itself signs with a header.
    const fromPage = s3.requests.filter(({ headers }) => headers.origin !== undefined);
    expect(fromPage.map(({ method }) => method)).toEqual(['GET']);
    expect(s3.requests.map(({ headers }) => headers['x-api-key'])).not.toContain(API_KEY);
    expect(fromPage.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});
