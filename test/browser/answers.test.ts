import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Response } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible } from '../support/accessible.js';
import { expectClean, launchBrowser, openPage, requireBrowser, type Watched } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack } from '../support/stack.js';

const BADGE = path.resolve(import.meta.dirname, '../../data/samples/transparent-badge.png');

/** A browser for which `studio.lan` is this computer, but not a secure context. */
async function launchLan(): Promise<AsyncDisposable & { readonly browser: Browser }> {
  const lan = await launchBrowser(['--host-resolver-rules=MAP studio.lan 127.0.0.1']);
  return { browser: lan, [Symbol.asyncDispose]: () => lan.close() };
}

let browser: Browser;
let stack: Stack;
let watched: Watched;

describe.skipIf(!requireBrowser())('what a browser makes of', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    await watched.close();
    await stack.stop();
  });
  afterAll(async () => {
    await browser.close();
  });

  it('the documents: a page with every operation, and nothing that its policy refuses', {
    timeout: 90_000,
  }, async () => {
    stack = await Stack.start();
    watched = await openPage(browser, `${stack.client.baseUrl}/docs`);
    await watched.page.getByText('/api/async/remove-background').first().waitFor();
    expect(await watched.page.locator('.opblock').count()).toBeGreaterThan(20);
    expectClean(watched, stack.client.baseUrl);
  });

  it('the documents: the other API by keyboard, and back, with a mark at the one that is open', {
    timeout: 90_000,
  }, async () => {
    stack = await Stack.start();
    watched = await openPage(browser, `${stack.client.baseUrl}/docs`);
    const { page } = watched;
    const open = page.getByRole('navigation', { name: 'API' }).locator('[aria-current=page]');
    /** Waits for the page of an API, which is the only one marked. */
    const expectOpen = async (name: string, path: string) => {
      await page.getByText(path, { exact: true }).first().waitFor();
      expect(await open.allTextContents()).toEqual([name]);
      expect(await page.title()).toContain(name);
    };
    await expectOpen('REST API', '/api/jobs/list');
    expect(await page.getByText('/api/v2/jobs', { exact: true }).count()).toBe(0);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expectOpen('Comfy API v2', '/api/v2/jobs');
    expect(new URL(page.url()).search).toBe('?api=comfy');
    expect(await page.getByText('/api/jobs/list', { exact: true }).count()).toBe(0);
    await expectAccessible(page, 'nav');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expectOpen('REST API', '/api/jobs/list');
    expectClean(watched, stack.client.baseUrl);
  });

  it('all of it in normal use: nothing that is worth a warning in the log', { timeout: 90_000 }, async () => {
    const logged = new RecordingLogger();
    stack = await Stack.start({ logger: logged });
    watched = await openPage(browser, `${stack.client.baseUrl}/`);
    const { page } = watched;
    const response = await page.reload();
    expect(response?.status()).toBe(200);
    await page.locator('input[type=file]').setInputFiles(BADGE);
    await page.getByRole('button', { name: 'Remove background', exact: true }).click();
    await page.getByRole('link', { name: 'Download' }).waitFor();
    await page.getByRole('link', { name: 'Fleet' }).click();
    await page.locator('.job img').waitFor();
    await page.goto(`${stack.client.baseUrl}/docs`);
    await page.getByText('/api/async/remove-background').first().waitFor();
    await page.goBack();
    await page.locator('.job', { hasText: 'completed' }).waitFor();
    await page.reload();
    await page.locator('.job img').waitFor();
    expectClean(watched, stack.client.baseUrl);
    // Requests of a closing page are aborted.
    await watched.close();
    await eventually(async () => {
      const open = new Promise((resolve) => stack.server.getConnections((_, count) => resolve(count)));
      expect(await open).toBe(0);
    });
    expect(logged.lines.filter(({ level }) => level === 'info')).not.toEqual([]);
    expect(logged.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });

  it('the page over the wire: compressed, light, and kept where its name changes with it', async () => {
    stack = await Stack.start();
    watched = await openPage(browser, 'about:blank');
    const { page } = watched;
    const loaded: Response[] = [];
    page.on('response', (response) => loaded.push(response));
    await page.goto(`${stack.client.baseUrl}/`);
    await page.getByRole('radio', { name: 'Remove background' }).first().waitFor();
    const files = loaded.filter((response) => !new URL(response.url()).pathname.startsWith('/api/'));
    let bytes = 0;
    for (const response of files) {
      const { responseBodySize, responseHeadersSize } = await response.request().sizes();
      bytes += responseBodySize + responseHeadersSize;
      const { pathname } = new URL(response.url());
      if (!/\.(js|css)$/.test(pathname)) continue;
      expect(await response.headerValue('content-encoding')).toMatch(/^(br|gzip)$/);
      expect(await response.headerValue('cache-control')).toMatch(/max-age=31536000, immutable/);
    }
    expect(files.length).toBeGreaterThan(2);
    expect(bytes).toBeLessThan(80 * 1024);
    expectClean(watched, stack.client.baseUrl);
  });

  it('a page without TLS on the local network: what is copied is there', async () => {
    await using lan = await launchLan();
    stack = await Stack.start({ env: { ALLOWED_HOSTS: 'studio.lan' } });
    const { port } = new URL(stack.client.baseUrl);
    const origin = `http://studio.lan:${port}`;
    watched = await openPage(lan.browser, `${origin}/`);
    const { page } = watched;
    expect(await page.evaluate(() => isSecureContext)).toBe(false);
    await page.locator('input[type=file]').setInputFiles(BADGE);
    await page.getByRole('button', { name: 'Remove background', exact: true }).click();
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.getByRole('button', { name: 'Copy picture' }).count()).toBe(0);
    const other = await page.context().newPage();
    await other.goto(`${stack.client.baseUrl}/status`);
    const copied = await other.evaluate(() => navigator.clipboard.readText());
    expect(copied).toMatch(/^curl /);
    expect(copied).toContain(`${origin}/api/remove-background`);
    expectClean(watched, origin);
  });

  it('a result that is opened by itself: the image, in the middle', async () => {
    stack = await Stack.start();
    const id = await stack.client.submit('remove-background', await readFile(BADGE));
    await stack.client.finished(id);
    watched = await openPage(browser, `${stack.client.baseUrl}/api/jobs/${id}/result/image`);
    const box = await watched.page.locator('img').boundingBox();
    const viewport = watched.page.viewportSize();
    expect(box?.width).toBeGreaterThan(100);
    expect((box?.x ?? 0) + (box?.width ?? 0) / 2).toBeCloseTo((viewport?.width ?? 0) / 2, 0);
    expectClean(watched, stack.client.baseUrl);
  });
});
