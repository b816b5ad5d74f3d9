// Pictures of the page for the documents, from a server with two simulated machines: npm run screenshots
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, openPage, requireBrowser } from '../test/support/browser.js';
import { Stack } from '../test/support/stack.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const FOLDER = path.join(ROOT, 'documentation/images');
const sample = (name: string) => path.join(ROOT, 'data/samples', name);
const WIDTHS = [360, 1024, 1600] as const;
const start = (page: Page) => page.getByRole('button', { name: 'Remove background', exact: true });

async function startStack(): Promise<Stack> {
  const stack = await Stack.start({
    simulators: [1, 2].map(() => ({ workMs: { InspyrenetRembg: 300, ImageUpscaleWithModel: 300 } })),
  });
  for (const [type, file] of [
    ['remove-background', 'transparent-badge.png'],
    ['upscale-image', 'phone-photo.jpg'],
    ['remove-background', 'product.jpg'],
  ] as const) {
    const answer = await stack.client.post(`/api/${type}`, await readFile(sample(file)), { filename: file });
    await answer.arrayBuffer();
  }
  return stack;
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(500);
  await page.screenshot({ path: path.join(FOLDER, `${name}.png`), fullPage: true });
}

async function shootAt(browser: Browser, width: number, colorScheme: 'light' | 'dark'): Promise<void> {
  const stack = await startStack();
  const { page, close } = await openPage(browser, `${stack.client.baseUrl}/`, {
    viewport: { width, height: 800 },
    colorScheme,
  });
  const named = (state: string) => `page-${state}-${width}${colorScheme === 'dark' ? '-dark' : ''}`;
  await page.locator('.job img').first().waitFor();
  await shoot(page, named('empty'));
  await page.locator('input[type=file]').setInputFiles(sample('product.jpg'));
  for (const { faults } of stack.simulators) faults.hang = true;
  await start(page).click();
  await page.getByText(/%, InspyrenetRembg/).waitFor();
  await shoot(page, named('running'));
  await page.locator('.progress').getByRole('button', { name: 'Cancel' }).click();
  for (const { faults } of stack.simulators) faults.hang = false;
  await page.getByRole('alert').waitFor();
  await start(page).click();
  await page.getByRole('link', { name: 'Download' }).waitFor();
  await shoot(page, named('done'));
  await page
    .getByRole('button', { name: /Open breaker/ })
    .first()
    .click();
  await page.getByRole('button', { name: 'Open the breaker' }).click();
  await page.getByText('open by hand').waitFor();
  await page.getByRole('button', { name: 'Back to the picture' }).click();
  await page.locator('input[type=file]').setInputFiles({
    name: 'letter.png',
    mimeType: 'image/png',
    buffer: Buffer.from('Dear server'),
  });
  await start(page).click();
  await page.getByRole('alert').waitFor();
  await shoot(page, named('problem'));
  await close();
  await stack.stop();
}

if (!requireBrowser()) process.exit(1);
await mkdir(FOLDER, { recursive: true });
const browser = await launchBrowser();
for (const width of WIDTHS) await shootAt(browser, width, 'light');
await shootAt(browser, 1600, 'dark');
await browser.close();
process.stdout.write(`Wrote the screenshots to ${FOLDER}.\n`);
