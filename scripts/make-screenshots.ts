// Screenshots of the page, from a server with two simulated machines. `npm run screenshots` makes those of the documents, `npm
// run screenshots -- FOLDER` every state in three sizes, light and dark, for review; with a second word such as `360-dark` only
// those whose name starts with it.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { launchBrowser, openPage, requireBrowser } from '../test/support/browser.js';
import { Stack } from '../test/support/stack.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const sample = (name: string) => path.join(ROOT, 'data/samples', name);
const PICTURES = ['product.jpg', 'transparent-badge.png', 'phone-photo.jpg'].map(sample);
const SIZES = [
  { width: 360, height: 740 },
  { width: 768, height: 1024 },
  { width: 1440, height: 900 },
] as const;
const SCHEMES = ['light', 'dark'] as const;
/** Enough to show the layout. */
const MANY = 7;
const IN_DOCUMENTS: ReadonlySet<string> = new Set([
  'studio-done-1440-light',
  'studio-many-1440-light',
  'studio-done-360-dark',
  'fleet-trouble-1440-light',
]);

type Viewport = (typeof SIZES)[number];

interface Shot {
  readonly page: Page;
  readonly stack: Stack;
  /** Takes a screenshot of the window, or of the whole page. */
  readonly shoot: (state: string) => Promise<void>;
}

const start = (page: Page, title = 'Remove background') =>
  page.getByRole('button', { name: new RegExp(`^${title}(: \\d+ pictures)?$`) }).click();
const choose = (page: Page, files: Parameters<ReturnType<Page['locator']>['setInputFiles']>[0]) =>
  page.locator('input[type=file]').setInputFiles(files);
const setHanging = (stack: Stack, hang: boolean) => {
  for (const { faults } of stack.simulators) faults.hang = hang;
};

/** One image, from the empty page to the result. */
async function shootOne({ page, stack, shoot }: Shot): Promise<void> {
  await page.getByRole('radio', { name: 'Remove background' }).first().waitFor();
  await shoot('studio-empty');
  await choose(page, sample('product.jpg'));
  await page.getByRole('img', { name: 'product.jpg' }).waitFor();
  await shoot('studio-chosen');
  setHanging(stack, true);
  await start(page);
  await page.getByText(/%, .+ · InspyrenetRembg/).waitFor();
  await shoot('studio-running');
  setHanging(stack, false);
  await page.getByRole('link', { name: 'Download' }).waitFor();
  await shoot('studio-done');
  await page.getByText('Time per node').click();
  await page.locator('.nodes li').first().waitFor();
  await page.locator('.nodes').scrollIntoViewIfNeeded();
  await shoot('studio-nodes');
  await page.getByText('Time per node').click();
  await page.getByRole('button', { name: 'Actual size' }).click();
  await shoot('studio-zoomed');
  await page.getByRole('button', { name: 'Change settings' }).click();
  await page.getByLabel(/Crop the result/).check();
  await start(page);
  await page.getByText(/· crop/).waitFor();
  await page.getByRole('link', { name: 'Download' }).waitFor();
  await shoot('studio-cropped');
  await page.getByRole('button', { name: 'Back to the picture' }).click();
  await choose(page, { name: 'letter.png', mimeType: 'image/png', buffer: Buffer.from('Dear server') });
  await page.getByRole('alert').waitFor();
  await shoot('studio-refused');
}

/** Many images at once: some are done, one failed, the others are in progress. */
async function shootMany({ page, stack, shoot }: Shot): Promise<void> {
  const files = await Promise.all(
    Array.from({ length: MANY }, async (_, n) => {
      const from = PICTURES[n % PICTURES.length] ?? sample('product.jpg');
      const extension = path.extname(from);
      return {
        name: `autumn-${n + 1}${extension}`,
        mimeType: extension === '.png' ? 'image/png' : 'image/jpeg',
        // A machine would cache the result of the same image.
        buffer: await sharp(from)
          .keepMetadata()
          .modulate({ hue: 40 * (n + 1) })
          .toBuffer(),
      };
    }),
  );
  await choose(page, files);
  await page
    .locator('.tile')
    .nth(MANY - 1)
    .waitFor();
  await shoot('studio-picked');
  setHanging(stack, true);
  await start(page);
  await page
    .locator('.batch .tile')
    .getByText(/^\d+ %, /)
    .nth(1)
    .waitFor();
  for (const { faults } of stack.simulators) {
    faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'cannot see the subject' });
  }
  setHanging(stack, false);
  await page.getByText(`2 of ${MANY} done, ${MANY - 2} failed`).waitFor();
  await shoot('studio-failed');
  for (const { faults } of stack.simulators) faults.failNodes.clear();
  setHanging(stack, true);
  await page.getByRole('button', { name: /^Try \d pictures again/ }).click();
  await page
    .locator('.batch .tile')
    .getByText(/^\d+ %, /)
    .nth(1)
    .waitFor();
  await shoot('studio-many');
  setHanging(stack, false);
  await page.getByRole('button', { name: `Download ${MANY} results as zip` }).waitFor();
  await shoot('studio-all-done');
}

/** The fleet without problems, and with one machine down and one out of service. */
async function shootFleet({ page, stack, shoot }: Shot): Promise<void> {
  await page.getByRole('link', { name: 'Fleet' }).click();
  await page.locator('.job img').first().waitFor();
  await shoot('fleet');
  await stack.simulator().stop();
  await page.locator('.machine').getByText('Down').waitFor();
  await page
    .getByRole('button', { name: /Take out of service/ })
    .nth(1)
    .click();
  await shoot('fleet-question');
  await page.getByRole('dialog').getByRole('button', { name: 'Take out of service' }).click();
  await page.locator('.machine').getByText('Out of service', { exact: true }).waitFor();
  await shoot('fleet-trouble');
  await page.getByRole('link', { name: 'Studio' }).click();
  await page.locator('.settings .notice').waitFor();
  await shoot('studio-obstacle');
}

async function shootKey({ page, shoot }: Shot): Promise<void> {
  await page.getByLabel('API key').fill('a-key-that-was-guessed');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await shoot('key-wrong');
}

async function shootAll(
  browser: Browser,
  viewport: Viewport,
  colorScheme: (typeof SCHEMES)[number],
  folder: string,
  isWanted: (name: string) => boolean,
): Promise<void> {
  const work = { workMs: { InspyrenetRembg: 300, ImageUpscaleWithModel: 300 } };
  const tours = [
    { env: {}, tour: [shootOne, shootMany, shootFleet] },
    { env: { API_KEYS: 'ops:admin:ops-key-0123456789ab' }, tour: [shootKey] },
  ];
  for (const { env, tour } of tours) {
    const stack = await Stack.start({ simulators: [work, work], env });
    const { page, close } = await openPage(browser, `${stack.client.baseUrl}/`, { viewport, colorScheme });
    const shoot = async (state: string) => {
      const name = `${state}-${viewport.width}-${colorScheme}`;
      if (!isWanted(name)) return;
      await page.waitForTimeout(400);
      const picture = await page.screenshot({ fullPage: viewport.width < SIZES[2].width });
      await sharp(picture)
        .png({ palette: true })
        .toFile(path.join(folder, `${name}.png`));
    };
    for (const step of tour) await step({ page, stack, shoot });
    await close();
    await stack.stop();
  }
}

if (!requireBrowser()) process.exit(1);
const [given, only = ''] = process.argv.slice(2);
const folder = given ?? path.join(ROOT, 'documentation/images');
await mkdir(folder, { recursive: true });
const browser = await launchBrowser();
for (const viewport of SIZES) {
  for (const colorScheme of SCHEMES) {
    if (!`${viewport.width}-${colorScheme}`.startsWith(only)) continue;
    await shootAll(
      browser,
      viewport,
      colorScheme,
      folder,
      (name) => given !== undefined || IN_DOCUMENTS.has(name),
    );
  }
}
await browser.close();
process.stdout.write(`Wrote the screenshots to ${folder}.\n`);
