import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectClean, launchBrowser, openPage, requireBrowser, type Watched } from '../support/browser.js';
import { Stack } from '../support/stack.js';

const BADGE = path.resolve(import.meta.dirname, '../../data/samples/transparent-badge.png');

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

  it('the documents: a page with every operation, and nothing that its policy refuses', async () => {
    stack = await Stack.start();
    watched = await openPage(browser, `${stack.client.baseUrl}/docs`);
    await watched.page.getByText('/api/async/remove-background').first().waitFor();
    expect(await watched.page.locator('.opblock').count()).toBeGreaterThan(20);
    expectClean(watched, stack.client.baseUrl);
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
