import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { inspectImage } from '../../src/services/images/inspect.js';
import { defineWorkflow } from '../../src/workflows/types.js';
import { invertImage } from '../examples/invertImage.js';
import { expectAccessible } from '../support/accessible.js';
import { expectClean, launchBrowser, openPage, requireBrowser, type Watched } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { expectFitting } from './expectFitting.js';

const PHOTO = path.resolve(import.meta.dirname, '../../data/samples/product.jpg');

let browser: Browser;
let stack: Stack;
let watched: Watched;
const work = { workMs: { InspyrenetRembg: 60, ImageUpscaleWithModel: 60 } };

async function open(options: StackOptions = {}, context: Parameters<typeof openPage>[2] = {}): Promise<Page> {
  stack = await Stack.start({ simulators: [work, work], ...options });
  watched = await openPage(browser, `${stack.client.baseUrl}/`, context);
  return watched.page;
}

const toFleet = (page: Page) => page.getByRole('link', { name: 'Fleet' }).click();
const choose = (page: Page, file = PHOTO) => page.locator('input[type=file]').setInputFiles(file);

describe.skipIf(!requireBrowser())('the page', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    await watched.close();
    await stack.stop();
  });
  afterAll(() => browser?.close());

  it.each([
    ['Remove background', 1],
    ['Upscale', 4],
    ['Upscale and remove background', 4],
  ])(
    'takes a picture through "%s", from the drop to the download',
    { timeout: 90_000 },
    async (title, factor) => {
      const page = await open();
      await page.getByRole('radio', { name: title }).first().waitFor();
      const bytes = (await readFile(PHOTO)).toString('base64');
      const dropped = await page.evaluateHandle((base64) => {
        const transfer = new DataTransfer();
        const part = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        transfer.items.add(new File([part], 'dropped.jpg', { type: 'image/jpeg' }));
        return transfer;
      }, bytes);
      await page.dispatchEvent('.drop', 'drop', { dataTransfer: dropped });
      const workflow = page
        .locator('label.choice')
        .filter({ has: page.locator('strong', { hasText: new RegExp(`^${title}$`) }) });
      await workflow.click();
      await page.getByRole('button', { name: title, exact: true }).click();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Download' }).click(),
      ]);
      expect(download.suggestedFilename()).toMatch(/^dropped-[a-z-]+\.png$/);
      const image = await readFile(String(await download.path()));
      const before = await sharp(PHOTO).metadata();
      const { image: after } = await inspectImage(image, { allowedTypes: ['image/png'], maxPixels: 1e9 });
      expect(after.width).toBe(factor * before.width);
      await page.getByRole('slider').fill('20');
      const clip = () => page.locator('img.before').evaluate((element) => element.style.clipPath);
      await eventually(async () => expect(await clip()).toContain('80%'));
      await page.getByRole('button', { name: 'Copy as curl' }).click();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      expect(copied).toMatch(/^curl .*imageFile=@dropped\.jpg/);
      await expectAccessible(page);
      // Operators see the job too, with its thumbnail.
      await toFleet(page);
      await page.locator('.job', { hasText: 'dropped.jpg' }).getByText('completed').waitFor();
      await page.locator('.job img').waitFor();
      await expectAccessible(page);
      expectClean(watched, stack.client.baseUrl);
    },
  );

  it('takes a pasted picture, and works with the keyboard alone', { timeout: 90_000 }, async () => {
    const page = await open();
    // Users can paste only once the form is visible.
    await page.getByRole('radio', { name: 'Remove background' }).first().waitFor();
    const bytes = (await readFile(PHOTO)).toString('base64');
    await page.evaluate((base64) => {
      const transfer = new DataTransfer();
      const part = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      transfer.items.add(new File([part], 'pasted.jpg', { type: 'image/jpeg' }));
      document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true }));
    }, bytes);
    await page.getByRole('img', { name: 'pasted.jpg' }).waitFor();
    await page.locator('input[type=file]').focus();
    for (let n = 0; n < 10; n += 1) {
      await page.keyboard.press('Tab');
      const text = await page.evaluate(() => document.activeElement?.textContent);
      if (text === 'Remove background') break;
    }
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Download' }).waitFor();
    expectClean(watched, stack.client.baseUrl);
  });

  it("shows ComfyUI's own steps, and cancels", async () => {
    const page = await open();
    for (const { faults } of stack.simulators) faults.hang = true;
    await choose(page);
    await page.getByRole('button', { name: 'Remove background', exact: true }).click();
    await page.getByText(/\d %, .+ · InspyrenetRembg/).waitFor();
    await page.locator('.progress').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('alert').getByText('Cancelled.').waitFor();
    for (const { faults } of stack.simulators) faults.hang = false;
    expectClean(watched, stack.client.baseUrl);
  });

  it('says what is wrong with a file, a full server and a failed node', async () => {
    const page = await open({ env: { MAX_QUEUE_SIZE: '1', MAX_CONCURRENT_JOBS: '1' } });
    await page.locator('input[type=file]').setInputFiles({
      name: 'letter.png',
      mimeType: 'image/png',
      buffer: Buffer.from('Dear server'),
    });
    const start = page.getByRole('button', { name: 'Remove background', exact: true });
    const alert = page.locator('.workbench').getByRole('alert');
    await alert.getByText('letter.png is not a PNG or JPEG picture.').waitFor();
    await expectAccessible(page);
    for (const { faults } of stack.simulators) {
      faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'cannot see the subject' });
    }
    await choose(page);
    await start.click();
    await alert.getByText(/cannot see the subject/).waitFor();
    for (const { faults } of stack.simulators) {
      faults.failNodes.clear();
      faults.hang = true;
    }
    const others = [await stack.client.submit('upscale-image', await readFile(PHOTO))];
    await stack.client.until(String(others[0]), ({ status }) => status === 'processing');
    others.push(await stack.client.submit('upscale-image', await readFile(PHOTO)));
    await page.getByRole('button', { name: 'Run again' }).click();
    await alert.getByText(/queue is full.*Try again in/i).waitFor();
    for (const { faults } of stack.simulators) faults.hang = false;
    for (const id of others) await stack.services.manager.cancel(id);
    // The browser itself logs failed requests.
    expectClean(watched, stack.client.baseUrl, /status of 503/);
  });

  it('says that the server is gone, and comes back by itself', async () => {
    const page = await open();
    for (const { faults } of stack.simulators) faults.hang = true;
    await choose(page);
    await page.getByRole('button', { name: 'Remove background', exact: true }).click();
    await page
      .getByText(/InspyrenetRembg/)
      .first()
      .waitFor();
    const { port } = new URL(stack.client.baseUrl);
    await stack.stop();
    await page
      .getByRole('alert')
      .getByText(/cannot be reached/)
      .waitFor();
    stack = await Stack.start({ simulators: [work], port: Number(port) });
    await eventually(async () => expect(await page.getByText(/cannot be reached/).count()).toBe(0));
    // The job does not exist anymore, and the page reports that instead of waiting forever.
    await page
      .getByRole('alert')
      .getByText(/shut down before|does not know this job/)
      .waitFor();
    await page.getByRole('button', { name: 'Run again' }).click();
    await page.getByRole('link', { name: 'Download' }).waitFor();
    expectClean(watched, stack.client.baseUrl, /ERR_|Failed to load resource/);
  });

  it('shows a workflow that was added, with fields for its parameters', async () => {
    const added = defineWorkflow({
      ...invertImage,
      parameters: z.object({
        strength: z.coerce
          .number()
          .min(0)
          .max(1)
          .default(0.5)
          .meta({ type: 'number', description: 'How much.' }),
        edge: z.enum(['soft', 'hard']).default('soft'),
        note: z.string().default(''),
      }),
    });
    const page = await open({ overrides: { workflows: [added] } });
    await page.getByText(added.title, { exact: true }).first().waitFor();
    await page.getByLabel('Strength').fill('0.25');
    await page.getByLabel('Edge').selectOption('hard');
    await page.getByLabel('Note').fill('for the shop');
    await choose(page);
    await page.getByRole('button', { name: added.title, exact: true }).click();
    await page.getByRole('link', { name: 'Download' }).waitFor();
    const { jobs } = await stack.services.manager.list({}, { limit: 1, offset: 0 });
    expect(jobs[0]?.request.parameters).toEqual({ strength: 0.25, edge: 'hard', note: 'for the shop' });
    await expectAccessible(page);
    expectClean(watched, stack.client.baseUrl);
  });

  it('is up to date however much happens', async () => {
    const page = await open();
    await toFleet(page);
    await page.getByText('None yet.').waitFor();
    const id = await stack.client.submit('remove-background', await readFile(PHOTO));
    const { job } = await stack.services.manager.outputs.result((await stack.client.finished(id)).job_id);
    // More often than the time in which events are combined.
    const busy = setInterval(() => stack.services.manager.events.publish('changed', job), 50);
    try {
      await page.locator('.job', { hasText: 'completed' }).waitFor();
      const other = await stack.client.submit('upscale-image', await readFile(PHOTO));
      await stack.client.finished(other);
      await page.locator('.job', { hasText: 'Upscale' }).getByText('completed').waitFor();
    } finally {
      clearInterval(busy);
    }
    expectClean(watched, stack.client.baseUrl);
  });

  it('runs no script that is not its own', async () => {
    const page = await open();
    const ran = await page.evaluate(async () => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.wasRun = true';
      document.body.append(script);
      const image = document.createElement('img');
      image.setAttribute('onerror', 'globalThis.wasRun = true');
      image.src = '/nothing';
      document.body.append(image);
      await new Promise((resolve) => image.addEventListener('error', resolve));
      return 'wasRun' in globalThis;
    });
    expect(ran).toBe(false);
    expect(watched.problems.filter((problem) => problem.includes('Content Security Policy'))).toHaveLength(2);
    expectClean(watched, stack.client.baseUrl, /Content Security Policy|404/);
  });

  it('takes a machine out of service and puts it back, and deletes a job, after a question', async () => {
    const page = await open();
    await toFleet(page);
    const id = await stack.client.submit('remove-background', await readFile(PHOTO));
    await stack.client.finished(id);
    const { host } = stack.simulator();
    const row = page.locator('.machine', { hasText: host });
    await row.getByRole('button', { name: /Take out of service/ }).click();
    await expectAccessible(page);
    const question = page.getByRole('dialog');
    await question.getByRole('button', { name: 'Cancel' }).click();
    expect(stack.services.instances[0]?.breaker.isForced).toBe(false);
    await row.getByRole('button', { name: /Take out of service/ }).click();
    expect(await question.getByText(/last machine/).count()).toBe(0);
    await question.getByRole('button', { name: 'Take out of service' }).click();
    await row.getByText('Out of service', { exact: true }).waitFor();
    await page.getByText('degraded').waitFor();
    await row.getByText(/^For \d+ s, since \d\d:\d\d: taken out of service by an operator/).waitFor();
    // Now jobs would have to wait.
    const other = page.locator('.machine', { hasText: stack.simulator(1).host });
    await other.getByRole('button', { name: /Take out of service/ }).click();
    await question.getByText(/This is the last machine that is ready: new jobs will wait/).waitFor();
    await question.getByRole('button', { name: 'Cancel' }).click();
    await row.getByRole('button', { name: /Return to service/ }).click();
    await question.getByRole('button', { name: 'Return to service' }).click();
    await row.getByText('Ready').waitFor();
    await page.getByRole('button', { name: /^Delete/ }).click();
    await page.getByRole('button', { name: 'Delete the job' }).click();
    await page.getByText('None yet.').waitFor();
    expect((await stack.services.manager.counts()).total).toBe(0);
    expectClean(watched, stack.client.baseUrl);
  });

  it.each(['ops-key-0123456789ab', 'shop-key-0123456789'])(
    'asks for a key where there are keys, and keeps it for the session: %s',
    async (key) => {
      const API_KEYS = 'ops:admin:ops-key-0123456789ab,shop:shop-key-0123456789';
      const page = await open({ env: { API_KEYS } });
      await page.getByLabel('API key').fill(key);
      await expectAccessible(page);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await choose(page);
      await page.getByRole('button', { name: 'Remove background', exact: true }).click();
      await page.getByRole('link', { name: 'Download' }).waitFor();
      await toFleet(page);
      await page.locator('.job img').waitFor();
      await page.reload();
      await page.locator('.job', { hasText: 'completed' }).waitFor();
      expect(await page.getByLabel('API key').count()).toBe(0);
      expect(await page.evaluate(() => localStorage.length)).toBe(0);
      expectClean(watched, stack.client.baseUrl);
    },
  );

  it.each([
    ['light', 360],
    ['dark', 360],
    ['dark', 1600],
  ] as const)('is accessible and fits: %s, %i pixels wide', async (colorScheme, width) => {
    const page = await open({}, { colorScheme, viewport: { width, height: 800 } });
    const id = await stack.client.submit('remove-background', await readFile(PHOTO));
    await stack.client.finished(id);
    await choose(page);
    await page.getByRole('img', { name: 'product.jpg' }).waitFor();
    await expectAccessible(page);
    await expectFitting(page);
    await toFleet(page);
    await page.locator('.job img').waitFor();
    await expectAccessible(page);
    await expectFitting(page);
    expectClean(watched, stack.client.baseUrl);
  });
});
