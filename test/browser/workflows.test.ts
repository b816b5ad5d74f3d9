import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectAccessible } from '../support/accessible.js';
import { expectClean, launchBrowser, openPage, requireBrowser, type Watched } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack } from '../support/stack.js';
import { USER_GRAPHS, type UserGraph, userFiles, userGraph } from '../support/userGraphs.js';
import { expectFitting } from './expectFitting.js';

const LONG = { timeout: 90_000 };

let browser: Browser;
let directory: string;
let stack: Stack;
let watched: Watched;
let logged: RecordingLogger;

/** Copies a graph into the server's folder, as users do. */
const add = (name: UserGraph) => writeFile(path.join(directory, `${name}.json`), userGraph(name));

const titleOf = (name: UserGraph) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('-', ' ');

const choiceOf = (page: Page, name: UserGraph) =>
  page
    .locator('label.choice')
    .filter({ has: page.locator('strong', { hasText: new RegExp(`^${titleOf(name)}$`) }) });

/** Runs a workflow of the folder with its files, and waits for the outputs. */
async function runOnPage(page: Page, name: UserGraph): Promise<void> {
  await choiceOf(page, name).click();
  const files = await userFiles(name);
  const fields = page.locator('.files input[type=file]');
  await eventually(async () => expect(await fields.count()).toBe(files.length));
  for (const [n, { filename, bytes }] of files.entries()) {
    const mimeType = filename.endsWith('mp4')
      ? 'video/mp4'
      : filename.endsWith('wav')
        ? 'audio/wav'
        : 'image/png';
    await fields.nth(n).setInputFiles({ name: filename, mimeType, buffer: bytes });
    await page.locator('.file').nth(n).locator('.corner').waitFor();
  }
  await page.getByRole('button', { name: titleOf(name), exact: true }).click();
  await page.getByText('Done in').waitFor();
}

/** Waits until every image of the gallery is drawn. @returns width and height of each, including thumbnails */
async function picturesOf(page: Page): Promise<Array<[number, number]>> {
  return page.locator('.outputs img').evaluateAll(async (images) => {
    const all = images as HTMLImageElement[];
    await Promise.all(all.map((image) => image.decode()));
    return all.map((image): [number, number] => [image.naturalWidth, image.naturalHeight]);
  });
}

/** Waits until the video of the gallery can be played. @returns its width and height */
async function videoOf(page: Page): Promise<[number, number]> {
  const video = page.locator('.outputs video');
  await eventually(async () => {
    expect(await video.evaluate((element) => (element as HTMLVideoElement).readyState)).toBeGreaterThan(1);
  });
  return video.evaluate((element) => {
    const { videoWidth, videoHeight } = element as HTMLVideoElement;
    return [videoWidth, videoHeight];
  });
}

describe.skipIf(!requireBrowser())('workflows of files on the page', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'workflows-'));
    logged = new RecordingLogger();
  });
  afterEach(async () => {
    await watched.close();
    await stack.stop();
    await rm(directory, { recursive: true });
  });
  afterAll(() => browser?.close());

  async function open(context: Parameters<typeof openPage>[2] = {}): Promise<Page> {
    stack = await Stack.start({ env: { WORKFLOWS_DIR: directory }, logger: logged });
    watched = await openPage(browser, `${stack.client.baseUrl}/`, context);
    return watched.page;
  }

  it.each([390, 800, 1200])('fit with long names without spaces, %i pixels wide', LONG, async (width) => {
    const name = 'photo_to_watercolour_painting_v2_final_with_controlnet_depth_and_upscale';
    const graph = {
      '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } },
      '2': {
        class_type: 'ImageScaleBy',
        inputs: { image: ['1', 0], upscale_method: 'nearest-exact', scale_by: 1 },
        _meta: { title: name },
      },
      '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: name } },
    };
    const manifest = {
      title: name,
      inputs: {
        picture_that_is_to_be_painted_in_watercolour: { node: '1', field: 'image', kind: 'image' },
        size_of_the_painting_compared_with_the_photo: { node: '2', field: 'scale_by', kind: 'number' },
        how_the_painting_is_enlarged_or_made_smaller: { node: '2', field: 'upscale_method', kind: 'choice' },
      },
      outputs: { painting_in_watercolour_with_all_details: { node: '3' } },
    };
    await writeFile(path.join(directory, 'long.json'), JSON.stringify(graph));
    await writeFile(path.join(directory, 'long.yaml'), JSON.stringify(manifest));
    const page = await open({ viewport: { width, height: 800 } });
    await page.locator('label.choice', { hasText: name }).click();
    const buffer = await png();
    const field = page.locator('.files input[type=file]');
    await field.setInputFiles({ name: `${name}.png`, mimeType: 'image/png', buffer });
    await page.locator('.file .corner').waitFor();
    await expectFitting(page);
    await page.getByRole('button', { name, exact: true }).click();
    await page.getByText('Done in').waitFor();
    await expectFitting(page);
    await page.getByRole('link', { name: 'Fleet' }).click();
    await page.locator('.job').waitFor();
    await expectFitting(page);
    expectQuiet();
  });

  function expectQuiet(): void {
    expectClean(watched, stack.client.baseUrl);
    expect(logged.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  }

  it('run, each with its files, and show what they made', { timeout: 120_000 }, async () => {
    await Promise.all(USER_GRAPHS.map(add));
    const page = await open();
    for (const [name, sizes] of [
      ['text-to-image', [[512, 512]]],
      ['image-to-image', [[64, 48]]],
      ['inpainting', [[64, 64]]],
      ['blend', [[64, 48]]],
      ['animated-webp', [[128, 96]]],
      ['expanding', [[48, 32]]],
    ] as const) {
      await runOnPage(page, name);
      expect([name, await picturesOf(page)]).toEqual([name, sizes]);
    }
    await expectAccessible(page);

    await runOnPage(page, 'batch-of-four');
    expect(await picturesOf(page)).toEqual(Array(5).fill([256, 192]));
    const third = page.getByRole('button', { name: 'Show number 3' });
    await third.click();
    await page.getByRole('img', { name: 'Picture 3 of 4' }).waitFor();
    expect(await third.getAttribute('aria-pressed')).toBe('true');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('.outputs').getByRole('link', { name: 'Download' }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^teapot_0000\d_\.png$/);

    await runOnPage(page, 'video-gifs');
    expect(await videoOf(page)).toEqual([expect.any(Number), expect.any(Number)]);
    await runOnPage(page, 'video-images');
    expect(await videoOf(page)).toEqual([128, 64]);
    await runOnPage(page, 'caption');
    expect(await page.locator('.outputs .text').innerText()).toMatch(
      /^more_detailed_caption: A 60 x 40 picture/,
    );
    await expectAccessible(page);
    await page.locator('.history .tile').nth(8).waitFor();
    expectQuiet();
  });

  it('appear while the page is open, and take nothing away that somebody typed', {
    timeout: 60_000,
  }, async () => {
    await add('text-to-image');
    const page = await open();
    await choiceOf(page, 'text-to-image').click();
    const prompt = page.getByLabel('Prompt', { exact: true });
    expect(await prompt.inputValue()).toContain('a lighthouse on a cliff');
    await prompt.fill('a windmill\nin the fog');
    await page.getByRole('slider', { name: 'Steps' }).fill('3');
    expect(await page.getByLabel('Steps', { exact: true }).inputValue()).toBe('3');
    await add('blend');
    await choiceOf(page, 'blend').waitFor({ timeout: 4000 });
    expect(await prompt.inputValue()).toBe('a windmill\nin the fog');
    await rm(path.join(directory, 'blend.json'));
    await choiceOf(page, 'blend').waitFor({ state: 'detached', timeout: 4000 });
    const seed = page.getByLabel('Seed', { exact: true });
    await page.getByRole('button', { name: 'Random seed' }).click();
    expect(await seed.inputValue()).toMatch(/^\d+$/);
    await seed.fill('18446744073709551615');
    await page.getByRole('button', { name: 'Text to image', exact: true }).click();
    await page.getByText('Done in').waitFor();
    const { jobs } = await stack.services.manager.list({}, { limit: 1, offset: 0 });
    const { parameters } = jobs[0]?.request ?? {};
    expect(parameters).toMatchObject({
      prompt: 'a windmill\nin the fog',
      steps: 3,
      seed: { text: '18446744073709551615' },
    });
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("--form-string 'steps=3'");
    await seed.fill('');
    await page.getByRole('button', { name: 'Text to image', exact: true }).click();
    await page.getByRole('button', { name: /^Keep the seed \d+$/ }).click();
    expect(await seed.inputValue()).toMatch(/^\d+$/);
    expectQuiet();
  });

  it('run again before they are done if their seed is random', { timeout: 60_000 }, async () => {
    await add('text-to-image');
    const page = await open();
    const [simulator] = stack.simulators;
    if (simulator) simulator.faults.hang = true;
    await choiceOf(page, 'text-to-image').click();
    const start = page.locator('.settings button[type=submit]');
    const total = async () => (await stack.services.manager.counts()).total;
    await page.getByLabel('Seed', { exact: true }).fill('7');
    await start.click();
    await eventually(async () => expect(await total()).toBe(1));
    expect(await start.innerText()).toBe('Running…');
    await page.getByLabel('Seed', { exact: true }).fill('');
    await page.getByRole('button', { name: 'Text to image', exact: true }).click();
    await page.getByRole('button', { name: 'Run again' }).click();
    await eventually(async () => expect(await total()).toBe(3));
    if (simulator) simulator.faults.hang = false;
    await page.getByText('Done in').waitFor();
    expectQuiet();
  });

  it.each([
    ['light', 360],
    ['dark', 1600],
  ] as const)(
    'are accessible and fit: %s, %i pixels wide',
    { timeout: 60_000 },
    async (colorScheme, width) => {
      await Promise.all(USER_GRAPHS.map(add));
      const page = await open({ colorScheme, viewport: { width, height: 800 } });
      await runOnPage(page, 'inpainting');
      await picturesOf(page);
      await expectAccessible(page);
      await expectFitting(page);
      expectQuiet();
    },
  );
});
