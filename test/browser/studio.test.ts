import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible } from '../support/accessible.js';
import { expectClean, launchBrowser, openPage, requireBrowser, type Watched } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { expectFitting } from './expectFitting.js';

const PHOTO = path.resolve(import.meta.dirname, '../../data/samples/product.jpg');
/** For tests with many steps on a busy computer. */
const LONG = { timeout: 90_000 };
const START = { name: 'Remove background', exact: true };

let browser: Browser;
let stack: Stack;
let watched: Watched;

async function open(options: StackOptions = {}, context: Parameters<typeof openPage>[2] = {}): Promise<Page> {
  const work = { workMs: { InspyrenetRembg: 40 } };
  stack = await Stack.start({ simulators: [work, work], ...options });
  watched = await openPage(browser, `${stack.client.baseUrl}/`, context);
  return watched.page;
}

const choose = (page: Page, files: Parameters<ReturnType<Page['locator']>['setInputFiles']>[0] = PHOTO) =>
  page.locator('input[type=file]').setInputFiles(files);

const setHanging = (hang: boolean) => {
  for (const { faults } of stack.simulators) faults.hang = hang;
};

/** Processes the photo and waits for its result. */
async function finish(page: Page): Promise<void> {
  await choose(page);
  await page.getByRole('button', START).click();
  await page.getByRole('link', { name: 'Download' }).waitFor();
}

describe.skipIf(!requireBrowser())('the studio', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    await watched.close();
    await stack.stop();
  });
  afterAll(() => browser?.close());

  it('loses nothing when the page is loaded again during a job', LONG, async () => {
    const page = await open();
    setHanging(true);
    await choose(page);
    await page.getByRole('button', START).click();
    await page.getByText(/\d %, .+ · InspyrenetRembg/).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'product.jpg' }).waitFor();
    await page.getByText(/\d %, .+ · InspyrenetRembg/).waitFor();
    setHanging(false);
    await page.getByRole('link', { name: 'Download' }).waitFor();
    await page.reload();
    // Before and after, as if the page had not been reloaded.
    await page.locator('img.before').waitFor();
    const { total } = await stack.services.manager.counts();
    expect(total).toBe(1);
    expectClean(watched, stack.client.baseUrl);
  });

  it('shows how long each node of a job ran', LONG, async () => {
    const page = await open();
    await finish(page);
    await page.getByText('Time per node').click();
    const bars = page.locator('.nodes li');
    await bars.first().waitFor();
    const texts = await bars.allInnerTexts();
    for (const node of ['LoadImage', 'InspyrenetRembg', 'PreviewImage']) {
      expect(texts).toContainEqual(expect.stringMatching(new RegExp(`^${node}\\s+\\d+\\.\\d\\d s$`)));
    }
    const seconds = texts.map((text) => Number(/([\d.]+) s$/.exec(text)?.[1]));
    // The longest first.
    expect(seconds).toEqual(seconds.toSorted((a, b) => b - a));
    await expectAccessible(page);
    await expectFitting(page);
    expectClean(watched, stack.client.baseUrl);
  });

  it('keeps what was made: with its own settings, to open, run again and delete', LONG, async () => {
    const page = await open();
    await page.getByLabel(/Crop the result/).check();
    await finish(page);
    const made = page.getByText('Remove background · crop · PNG');
    await made.waitFor();
    // The form applies to the next job.
    await page.getByLabel(/Crop the result/).uncheck();
    await page.getByLabel('Format').selectOption('WEBP');
    await made.waitFor();
    await page.getByRole('button', { name: 'Back to the picture' }).click();
    await page.locator('.history .tile').getByRole('button').click();
    await made.waitFor();
    await page.getByRole('button', { name: 'Change settings' }).click();
    expect(await page.getByLabel(/Crop the result/).isChecked()).toBe(true);
    expect(await page.getByLabel('Format').inputValue()).toBe('PNG');
    await page.getByLabel('Format').selectOption('JPEG');
    await page.getByRole('button', START).click();
    await page.getByText('Remove background · crop · JPEG').waitFor();
    await page.getByRole('link', { name: 'Download' }).waitFor();
    await page.getByRole('button', { name: /^Delete product/ }).click();
    await page.getByRole('button', { name: 'Delete the job' }).click();
    await eventually(async () => expect(await page.locator('.history .tile').count()).toBe(1));
    expectClean(watched, stack.client.baseUrl);
  });

  it('opens a job by its link, also in another browser', LONG, async () => {
    const page = await open();
    await finish(page);
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByText('Copied').first().waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toMatch(/#job=[\w-]{36}$/);
    const other = await openPage(browser, link);
    await other.page.getByRole('heading', { name: 'product.jpg' }).waitFor();
    await other.page.getByRole('link', { name: 'Download' }).waitFor();
    expectClean(other, stack.client.baseUrl);
    await other.close();
    expectClean(watched, stack.client.baseUrl);
  });

  it('compares by dragging on the picture, at its actual size too, and shows both sizes', LONG, async () => {
    const page = await open();
    await page
      .locator('label.choice')
      .filter({ has: page.locator('strong', { hasText: /^Upscale$/ }) })
      .click();
    await choose(page);
    await page.getByRole('button', { name: 'Upscale', exact: true }).click();
    await page.getByRole('link', { name: 'Download' }).waitFor();
    const { width, height } = await sharp(PHOTO).metadata();
    await page.getByText(`Before, ${width} × ${height}`).waitFor();
    await page.getByText(`After, ${4 * width} × ${4 * height}`).waitFor();
    const frame = page.locator('.frame');
    const box = await frame.boundingBox();
    if (!box) throw new Error('there is no picture');
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
    const share = async () => Number(await page.getByRole('slider').inputValue());
    expect(await share()).toBeGreaterThan(70);
    expect(await share()).toBeLessThan(80);
    await page.getByRole('button', { name: 'Actual size' }).click();
    await eventually(async () => expect((await frame.boundingBox())?.width).toBeCloseTo(4 * width, 0));
    const scrolled = () => page.locator('.viewer').evaluate(({ scrollLeft }) => scrollLeft);
    const before = await scrolled();
    const viewer = await page.locator('.viewer').boundingBox();
    if (!viewer) throw new Error('there is no picture');
    await page.mouse.move(viewer.x + 200, viewer.y + 100);
    await page.mouse.down();
    await page.mouse.move(viewer.x + 100, viewer.y + 100, { steps: 4 });
    await page.mouse.up();
    expect(await scrolled()).toBeCloseTo(before + 100, -1);
    await expectAccessible(page);
    await expectFitting(page);
    expectClean(watched, stack.client.baseUrl);
  });

  it('shows a cropped result where it was in the picture', async () => {
    const page = await open();
    await page.getByLabel(/Crop the result/).check();
    const picture = await png({ width: 80, height: 60 });
    await choose(page, { name: 'small.png', mimeType: 'image/png', buffer: picture });
    await page.getByRole('button', START).click();
    const after = page.locator('img.after');
    await page.getByRole('link', { name: 'Download' }).waitFor();
    const [job] = (await stack.services.manager.list({}, { limit: 1, offset: 0 })).jobs;
    if (job?.status !== 'completed') throw new Error('the job is not done');
    const [{ width = 0, height = 0, crop }] = job.result.outputs;
    expect(crop).toMatchObject({ originalWidth: 80, originalHeight: 60 });
    expect(width * height).toBeLessThan(80 * 60);
    const frame = await page.locator('.frame').boundingBox();
    const box = await after.boundingBox();
    if (!frame || !box || !crop) throw new Error('there is no picture');
    const scale = frame.width / 80;
    expect(box.x - frame.x).toBeCloseTo(crop.left * scale, 0);
    expect(box.y - frame.y).toBeCloseTo(crop.top * scale, 0);
    expect(box.width).toBeCloseTo(width * scale, 0);
    expect(box.height).toBeCloseTo(height * scale, 0);
    expectClean(watched, stack.client.baseUrl);
  });

  it.each([
    ['its type', 'letter.png', Buffer.from('Dear server'), /letter\.png is not a PNG or JPEG picture/],
    [
      'its size',
      'large.png',
      Buffer.alloc(200_000, '\u0089PNG', 'latin1'),
      /large\.png is too large: 0\.2 MB/,
    ],
    ['its pixels', 'wide.png', undefined, /wide\.png has too many pixels: 0\.2 million/],
  ])('refuses a picture for %s before it is sent', async (_why, name, bytes, words) => {
    const page = await open({ env: { MAX_FILE_SIZE: '100000', MAX_IMAGE_PIXELS: '100000' } });
    const buffer = bytes ?? (await png({ width: 500, height: 400 }));
    await choose(page, { name, mimeType: 'image/png', buffer });
    await page.getByRole('alert').getByText(words).waitFor();
    expect(await page.getByRole('button', { name: 'Choose a picture first' }).isDisabled()).toBe(true);
    expect(watched.requests.filter((url) => url.includes('/async/'))).toEqual([]);
    await expectAccessible(page);
    expectClean(watched, stack.client.baseUrl);
  });

  it('says that nothing can run a job, and why', async () => {
    const page = await open({ simulators: [{}] });
    await stack.simulator().stop();
    const notice = page.locator('.settings .notice');
    await notice.getByText('No machine can run this at the moment (1 down).').waitFor();
    // Once, and without addresses.
    expect(await page.getByText(/No machine can run/).count()).toBe(1);
    expect(await page.getByText(stack.simulator().host).count()).toBe(0);
    await choose(page);
    await page.getByRole('button', START).click();
    await page.locator('.progress').getByText('Waiting for a machine', { exact: true }).waitFor();
    expect(await page.getByText(/No machine can run/).count()).toBe(1);
    expect(await page.getByText(/done in about/).count()).toBe(0);
    await expectAccessible(page);
    // The browser logs that `/health` is critical.
    expectClean(watched, stack.client.baseUrl, /status of 503/);
  });

  it('offers to run a job again whose result the server no longer has', LONG, async () => {
    const page = await open();
    await finish(page);
    const { jobs } = await stack.services.manager.list({}, { limit: 1, offset: 0 });
    await stack.client.request(`/api/jobs/${jobs[0]?.id}`, { method: 'DELETE' });
    await page.reload();
    await page.getByRole('alert').getByText('The server no longer keeps this result.').waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Run again' }).click();
    await page.getByRole('link', { name: 'Download' }).waitFor();
    expectClean(watched, stack.client.baseUrl, /status of 404/);
  });

  it('shows nothing but the error when the link is of an unknown job', LONG, async () => {
    const page = await open();
    await finish(page);
    const { hash } = new URL(page.url());
    const follow = (to: string) => page.evaluate((link) => location.assign(link), to);
    await follow('#job=dead');
    await page
      .getByRole('alert')
      .getByText(/does not know this job/)
      .waitFor();
    await page.getByText('Back to the picture').waitFor({ state: 'detached' });
    expect(await page.locator('.work').count()).toBe(0);
    await follow(hash);
    await page.getByRole('link', { name: 'Download' }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expectClean(watched, stack.client.baseUrl, /status of 404/);
  });

  it.each([
    [1440, 900],
    [360, 740],
  ])('has the download in view below the result at %i x %i', async (width, height) => {
    const page = await open({}, { viewport: { width, height } });
    await finish(page);
    await eventually(async () => {
      const box = await page.getByRole('link', { name: 'Download' }).boundingBox();
      expect(box?.y).toBeGreaterThan(0);
      expect((box?.y ?? height) + (box?.height ?? 0)).toBeLessThanOrEqual(height);
    });
    await expectFitting(page);
    expectClean(watched, stack.client.baseUrl);
  });

  it('copies the picture, and programs for it', async () => {
    const page = await open();
    await finish(page);
    await page.getByRole('button', { name: 'Copy picture' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const types = await page.evaluate(async () =>
      (await navigator.clipboard.read()).flatMap(({ types }) => types),
    );
    expect(types).toContain('image/png');
    const url = `${stack.client.baseUrl}/api/remove-background`;
    for (const [language, beginning] of [
      ['curl', /^curl .*imageFile=@product\.jpg/],
      ['Python', /^import requests/],
      ['JavaScript', /^import \{ openAsBlob \}/],
    ] as const) {
      await page.getByRole('button', { name: `Copy as ${language}` }).click();
      await eventually(async () => {
        const copied = await page.evaluate(() => navigator.clipboard.readText());
        expect(copied).toMatch(beginning);
        expect(copied).toContain(url);
      });
    }
    expectClean(watched, stack.client.baseUrl);
  });
});
