import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { healthAnswer } from '../../src/schemas/status.js';
import { expectAccessible } from '../support/accessible.js';
import { expectClean, launchBrowser, openPage, requireBrowser, type Watched } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { expectFitting } from './expectFitting.js';

/** For tests with many steps on a busy computer. */
const LONG = { timeout: 90_000 };
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

/** The first machine as the server reports it. */
async function firstMachine() {
  const response = await stack.client.request('/health');
  const [first] = healthAnswer.parse(await response.json()).comfyui_instances.instances;
  if (!first) throw new Error('there is no machine');
  return first;
}

async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
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
    await machine.getByText(/^For \d+ s, since \d\d:\d\d: nothing answers at this address/).waitFor();
    await page
      .getByRole('region', { name: 'Needs attention' })
      .getByText(/^instance-1: Down\. For \d+ s, since/)
      .waitFor();
    await expectAccessible(page);
    await machine.getByRole('button', { name: /Take out of service/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Take out of service' }).click();
    await machine.getByText(/taken out of service by an operator\. It is down, too: nothing/).waitFor();
    expect(stack.services.instances[0]?.breaker.isForced).toBe(true);
    expectClean(watched, stack.client.baseUrl);
  });

  it('checks a machine that is down when an operator asks for it', async () => {
    const page = await open('#fleet');
    const machine = page.locator('.machine', { hasText: stack.simulator().host });
    await machine.getByText('Answers in').waitFor();
    await stack.simulator().stop();
    await machine.getByText('Last check').waitFor();
    expect(await machine.getByText('Answers in').count()).toBe(0);
    const [response] = await Promise.all([
      page.waitForResponse(/\/instance-1\/close$/),
      machine.getByRole('button', { name: 'Check now' }).click(),
    ]);
    expect(response.status()).toBe(200);
    await machine.getByRole('button', { name: 'Check now' }).and(page.locator(':enabled')).waitFor();
    await machine.getByText('Down').waitFor();
    expectClean(watched, stack.client.baseUrl);
  });

  it('shows since when the GPU of a machine does not work', LONG, async () => {
    const page = await open('#fleet');
    stack.simulator().faults.gpuFails = true;
    const machine = page.locator('.machine', { hasText: stack.simulator().host });
    for (let n = 0; (await firstMachine()).problem === undefined; n += 1) {
      await stack.client.finished(
        await stack.client.submit('remove-background', await png({ width: 20 + n })),
      );
    }
    await machine.getByText(/^For \d+ s, since \d\d:\d\d: its GPU failed/).waitFor();
    await page
      .getByRole('region', { name: 'Needs attention' })
      .getByText(/^instance-1: Gets no jobs\. For \d+ s, since \d\d:\d\d: its GPU failed/)
      .waitFor();
    await expectAccessible(page);
    expectClean(watched, stack.client.baseUrl);
  });

  it('says in words that a machine does not answer', async () => {
    const env = { HEALTH_CHECK_INTERVAL: '100', HEALTH_CHECK_TIMEOUT: '200' };
    const page = await open('#fleet', { env });
    stack.simulator().faults.neverAnswer = true;
    const machine = page.locator('.machine', { hasText: stack.simulator().host });
    await machine.getByText(/^For \d+ s, since \d\d:\d\d: it does not answer in time\.$/).waitFor();
    stack.simulator().faults.neverAnswer = false;
    await machine.getByText('Ready').waitFor();
    expectClean(watched, stack.client.baseUrl);
  });

  it('shows which workflow a machine cannot run, and that a model file is missing', async () => {
    const page = await open('#fleet', { simulators: [{ models: ['other.pth'] }, {}] });
    const words =
      'It cannot run Upscale: it lacks the model file 4x_NMKD-Siax_200k.pth (UpscaleModelLoader).';
    await page.locator('.machine').first().getByText(words).waitFor();
    await page.getByRole('region', { name: 'Needs attention' }).getByText(words).waitFor();
    expectClean(watched, stack.client.baseUrl);
  });

  it('shows what runs before what waits, and more of it when asked', LONG, async () => {
    const hour = { workMs: { InspyrenetRembg: 3_600_000 } };
    const env = { MAX_JOBS_PER_INSTANCE: '1', MAX_CONCURRENT_JOBS: '1' };
    const page = await open('#fleet', { simulators: [hour], env });
    for (let n = 0; n < 25; n += 1) {
      await stack.client.submit('remove-background', await png({ width: 20 + n }));
    }
    const jobs = page.getByRole('region', { name: 'Recent jobs' });
    await jobs.getByText('20 of 25 jobs').waitFor();
    // It is the oldest one.
    await jobs.getByRole('listitem').first().locator('.badge.warn').waitFor();
    expect(await jobs.getByRole('listitem').count()).toBe(20);
    await expectAccessible(page);
    await jobs.getByRole('button', { name: 'Show more' }).click();
    await eventually(async () => expect(await jobs.getByRole('listitem').count()).toBe(25));
    expect(await jobs.getByText('of 25 jobs').count()).toBe(0);
    expect(await jobs.locator('.badge.warn').count()).toBe(1);
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

  it('asks for a new key when the key was replaced, and loses no job over it', LONG, async () => {
    const page = await open('', { env: { API_KEYS } });
    for (const { faults } of stack.simulators) faults.hang = true;
    await signIn(page, SUBMIT);
    await page.locator('input[type=file]').setInputFiles(PHOTO);
    const start = page.getByRole('button', { name: 'Remove background', exact: true });
    await start.click();
    await page.getByText(/\d %, .+ · InspyrenetRembg/).waitFor();
    const replacement = 'shop-key-9876543210';
    stack.services.keys.replace(loadConfig({ API_KEYS: `shop:${replacement}` }).access.keys);
    await page.getByText(/does not accept this key/).waitFor();
    for (const { faults } of stack.simulators) faults.hang = false;
    await signIn(page, replacement);
    await page.getByRole('link', { name: 'Download' }).waitFor();
    expect(await page.getByText(/does not know this API key/).count()).toBe(0);
    expectClean(watched, stack.client.baseUrl, /status of 401/);
  });
});
