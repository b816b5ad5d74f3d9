import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const CANDIDATES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** For anything on the page, ms. */
const WAIT_MS = 40_000;

/** Where a Chromium is, undefined where there is none. */
const CHROMIUM = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** @throws Error where there is no browser although there must be one */
export function requireBrowser(): boolean {
  if (CHROMIUM) return true;
  if (process.env['CI'])
    throw new Error('No Chromium: install it (apt-get install chromium) or set CHROMIUM.');
  process.stderr.write(
    '\nNOTICE: no Chromium here, the tests of the page do NOT run. Install chromium or set CHROMIUM.\n\n',
  );
  return false;
}

/** @param flags further ones for Chromium */
export function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    ...(CHROMIUM ? { executablePath: CHROMIUM } : {}),
    // As root, in containers, and without looking for anything on the internet.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...flags,
    ],
  });
}

/** What a page did that it should not have done. */
export interface Watched {
  readonly page: Page;
  readonly requests: string[];
  readonly problems: string[];
  close(): Promise<void>;
}

/** Nothing on the console but what is expected, and no request to anywhere but `baseUrl`. */
export function expectClean({ problems, requests }: Watched, baseUrl: string, allowed?: RegExp): void {
  expect(problems.filter((problem) => !allowed?.test(problem))).toEqual([]);
  const elsewhere = requests.filter((url) => !url.startsWith(baseUrl) && !url.startsWith('blob:'));
  expect(elsewhere).toEqual([]);
}

/** Opens a page, and notes its requests, what it writes to the console and what its policy refused. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1024, height: 800 }, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  // Sooner than the test ends, so that it says what it waited for.
  page.setDefaultTimeout(WAIT_MS);
  const requests: string[] = [];
  const problems: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => {
    // Refusals of the policy are errors of the console too.
    if (['error', 'warning'].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`thrown: ${error.message}`));
  await page.goto(url);
  return { page, requests, problems, close: () => context.close() };
}
