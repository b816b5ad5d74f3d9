import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible } from '../support/accessible.js';
import { expectClean, launchBrowser, openPage, requireBrowser, type Watched } from '../support/browser.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { expectFitting } from './expectFitting.js';

const PHOTO = path.resolve(import.meta.dirname, '../../data/samples/product.jpg');
const ADMIN = 'ops-key-0123456789ab';
const SUBMIT = 'shop-key-0123456789';
const API_KEYS = `ops:admin:${ADMIN},shop:${SUBMIT}`;

let browser: Browser;
let stack: Stack;
let watched: Watched;

async function open(
  hash: string,
  options: StackOptions = {},
  viewport = { width: 1440, height: 900 },
): Promise<Page> {
  const work = { workMs: { InspyrenetRembg: 40 } };
  stack = await Stack.start({ simulators: [work, work], ...options });
  watched = await openPage(browser, `${stack.client.baseUrl}/${hash}`, { viewport });
  return watched.page;
}

async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Use it' }).click();
}

describe.skipIf(!requireBrowser())('the fleet', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    await watched.close();
    await stack.stop();
  });
  afterAll(() => browser?.close());

  it('shows why a machine is down and since when, and lets it be taken out of service', async () => {
    const page = await open('#fleet');
    const { host } = stack.simulator();
    const machine = page.locator('.machine', { hasText: host });
    await machine.getByText('Ready').waitFor();
    await stack.simulator().stop();
    await machine.getByText('Down').waitFor();
    await machine.getByText(/^Since \d\d:\d\d: nothing answers at this address/).waitFor();
    await page.getByRole('heading', { name: 'Needs attention' }).waitFor();
    await expectAccessible(page);
    await machine.getByRole('button', { name: /Take out of service/ }).click();
    await page.getByRole('button', { name: 'Take it out of service' }).click();
    await machine.getByText(/^Taken out of service by hand\./).waitFor();
    expect(stack.services.instances[0]?.breaker.isForced).toBe(true);
    expectClean(watched, stack.client.baseUrl);
  });

  it('shows figures and charts of the last hour', { timeout: 90_000 }, async () => {
    const page = await open('#fleet');
    await page.getByText('No job finished in the last hour.').waitFor();
    for (let n = 0; n < 3; n += 1) {
      const id = await stack.client.submit('remove-background', await readFile(PHOTO));
      await stack.client.finished(id);
    }
    await page
      .getByRole('img', { name: /^Jobs that finished in each minute: 3 in all, of which 0 failed/ })
      .waitFor();
    await page.getByRole('heading', { name: 'Time per job' }).waitFor();
    await expectAccessible(page);
    await expectFitting(page);
    expectClean(watched, stack.client.baseUrl);
  });

  it('reports a wrong key, and shows a key for submissions no buttons of admins', async () => {
    const page = await open('#fleet', { env: { API_KEYS } });
    await signIn(page, 'guessed-key-012345');
    await page
      .getByRole('alert')
      .getByText(/does not accept this key/)
      .waitFor();
    await expectAccessible(page);
    await signIn(page, SUBMIT);
    await page.locator('.machine').first().waitFor();
    expect(await page.getByRole('button', { name: /out of service/ }).count()).toBe(0);
    await page.getByText('shop', { exact: true }).waitFor();
    expectClean(watched, stack.client.baseUrl);
  });

  it('signs out, and leaves nothing behind for the next one', async () => {
    const page = await open('', { env: { API_KEYS } });
    await signIn(page, ADMIN);
    await page.locator('input[type=file]').setInputFiles(PHOTO);
    await page.getByRole('button', { name: 'Remove background', exact: true }).click();
    await page.getByRole('link', { name: 'Download' }).waitFor();
    await page.getByRole('button', { name: 'Back to the picture' }).click();
    await page.locator('.history .tile').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key').waitFor();
    await page.reload();
    await signIn(page, SUBMIT);
    await page.getByRole('radio', { name: 'Remove background' }).first().waitFor();
    expect(await page.locator('.history').count()).toBe(0);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, ADMIN);
    await page.getByRole('radio', { name: 'Remove background' }).first().waitFor();
    expect(await page.locator('.history').count()).toBe(0);
    expectClean(watched, stack.client.baseUrl);
  });
});
