import { readFile } from 'node:fs/promises';
import { unzipSync } from 'fflate';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible } from '../support/accessible.js';
import { expectClean, launchBrowser, openPage, requireBrowser, type Watched } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { dropPictures } from './dropPictures.js';
import { expectFitting } from './expectFitting.js';

const COUNT = 10;
/** For tests with many steps on a busy computer. */
const LONG = { timeout: 90_000 };

let browser: Browser;
let stack: Stack;
let watched: Watched;

async function open(options: StackOptions = {}, context: Parameters<typeof openPage>[2] = {}): Promise<Page> {
  const work = { workMs: { InspyrenetRembg: 40 } };
  stack = await Stack.start({ simulators: [work, work], ...options });
  watched = await openPage(browser, `${stack.client.baseUrl}/`, context);
  return watched.page;
}

const setHanging = (hang: boolean) => {
  for (const { faults } of stack.simulators) faults.hang = hang;
};

describe.skipIf(!requireBrowser())('many pictures at once', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    await watched.close();
    await stack.stop();
  });
  afterAll(() => browser?.close());

  it('takes ten pictures from the drop to one zip file', LONG, async () => {
    const page = await open();
    await dropPictures(page, COUNT);
    await page.getByRole('button', { name: `Remove background: ${COUNT} pictures` }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: `Download ${COUNT} results as zip` }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^remove-background-\d{4}-\d\d-\d\d-\d{4}\.zip$/);
    const files = unzipSync(new Uint8Array(await readFile(String(await download.path()))));
    const names = Array.from({ length: COUNT }, (_, n) => `picture-${n + 1}-remove-background.png`);
    expect(Object.keys(files).sort()).toEqual(names.sort());
    for (const bytes of Object.values(files)) {
      expect(await sharp(bytes).metadata()).toMatchObject({ format: 'png', width: 64, height: 48 });
    }
    await page.getByText(`${COUNT} of ${COUNT} done`).waitFor();
    await expectAccessible(page);
    expectClean(watched, stack.client.baseUrl);
  });

  it('tells for each of many pictures how it is, and tries those again that failed', LONG, async () => {
    const page = await open();
    setHanging(true);
    await dropPictures(page, 3);
    await page.getByRole('button', { name: 'Remove background: 3 pictures' }).click();
    const tiles = page.locator('.batch .tile');
    // One on each machine.
    await eventually(async () => expect(await tiles.getByText(/^\d+ %, /).count()).toBe(2));
    await expectAccessible(page);
    for (const { faults } of stack.simulators) {
      faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'cannot see the subject' });
    }
    setHanging(false);
    await page.getByText('2 of 3 done, 1 failed').waitFor();
    const failed = page.locator('.batch .tile.failed');
    await failed.getByText(/cannot see the subject/).waitFor();
    await page.getByRole('button', { name: 'Try 1 picture again' }).click();
    await failed.getByText(/cannot see the subject/).waitFor();
    await failed.getByRole('button').click();
    for (const { faults } of stack.simulators) faults.failNodes.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('link', { name: 'Download' }).waitFor();
    await page.getByRole('button', { name: 'All 3' }).click();
    await page.getByText('3 of 3 done').waitFor();
    expectClean(watched, stack.client.baseUrl);
  });

  it('does not start the same pictures twice, but again when they are done', LONG, async () => {
    const page = await open();
    setHanging(true);
    await dropPictures(page, 3);
    const start = page.locator('.settings button[type=submit]');
    await start.click();
    await eventually(async () => expect(await start.innerText()).toBe('Running…'));
    expect(await start.isDisabled()).toBe(true);
    // With another setting it is something else.
    await page.getByLabel('Format').selectOption('WEBP');
    expect(await start.isEnabled()).toBe(true);
    await page.getByLabel('Format').selectOption('PNG');
    expect(await start.isDisabled()).toBe(true);
    setHanging(false);
    await page.getByText('3 of 3 done').waitFor();
    expect((await stack.services.manager.counts()).total).toBe(3);
    await page.getByRole('button', { name: 'Run again: 3 pictures' }).click();
    await eventually(async () => expect((await stack.services.manager.counts()).total).toBe(6));
    await page.getByText('3 of 3 done').waitFor();
    expectClean(watched, stack.client.baseUrl);
  });

  it('keeps the pictures in their order, also after a reload and in the list of jobs', LONG, async () => {
    const page = await open();
    const names = Array.from({ length: COUNT }, (_, n) => `picture-${n + 1}.jpg`);
    const shown = (part: string) => page.locator(`${part} .tile .name`).allInnerTexts();
    await dropPictures(page, COUNT);
    await page.getByRole('button', { name: `Remove background: ${COUNT} pictures` }).click();
    await page.getByText(`${COUNT} of ${COUNT} done`).waitFor();
    expect(await shown('.batch')).toEqual(names);
    await page.reload();
    await page.getByText(`${COUNT} of ${COUNT} done`).waitFor();
    expect(await shown('.batch')).toEqual(names);
    await page.getByRole('button', { name: 'New pictures' }).click();
    expect(await shown('.history')).toEqual(names);
    expectClean(watched, stack.client.baseUrl);
  });

  it.each([
    [390, 844],
    [1440, 500],
  ])('has the start button in view at %i x %i', async (width, height) => {
    const page = await open({}, { viewport: { width, height } });
    await dropPictures(page, COUNT);
    const start = page.getByRole('button', { name: `Remove background: ${COUNT} pictures` });
    const box = await start.boundingBox();
    expect(box?.y).toBeGreaterThan(0);
    expect((box?.y ?? height) + (box?.height ?? 0)).toBeLessThanOrEqual(height);
    await expectAccessible(page);
    await expectFitting(page);
    expectClean(watched, stack.client.baseUrl);
  });

  it('waits with many pictures where the queue is full, and cancels the rest', LONG, async () => {
    const page = await open({ env: { MAX_QUEUE_SIZE: '1', MAX_CONCURRENT_JOBS: '1' } });
    setHanging(true);
    await dropPictures(page, 4);
    await page.getByRole('button', { name: 'Remove background: 4 pictures' }).click();
    await page
      .locator('.batch')
      .getByText(/queue is full/i)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Cancel all' }).click();
    await page.getByText('0 of 4 done, 4 cancelled').waitFor();
    setHanging(false);
    expectClean(watched, stack.client.baseUrl, /status of 503/);
  });
});
