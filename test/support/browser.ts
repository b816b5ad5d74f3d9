import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const CANDIDATES = [
  process.env['CHROMIUM'],
  // Without a window and its own pages, which take as much CPU time as the tests.
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** Timeout for anything on the page, ms. */
const WAIT_MS = 40_000;

/** Path of Chromium; undefined if it is not installed. */
const CHROMIUM = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** @throws Error if a browser is required but not installed */
export function requireBrowser(): boolean {
  if (CHROMIUM) return true;
  if (process.env['CI'])
    throw new Error('No Chromium: install it (apt-get install chromium-headless-shell) or set CHROMIUM.');
  process.stderr.write(
    '\nNOTICE: no Chromium here, the tests of the page do NOT run. Install chromium-headless-shell or set CHROMIUM.\n\n',
  );
  return false;
}

/** @param flags additional flags for Chromium */
export function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    ...(CHROMIUM ? { executablePath: CHROMIUM } : {}),
    // Flags to run as root and in containers, without requests to the internet.
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

/** A page with its problems and requests. */
export interface Watched {
  readonly page: Page;
  readonly requests: string[];
  readonly problems: string[];
  close(): Promise<void>;
}

/** Expects no console messages except allowed ones, and no requests to anywhere but `baseUrl`. */
export function expectClean({ problems, requests }: Watched, baseUrl: string, allowed?: RegExp): void {
  expect(problems.filter((problem) => !allowed?.test(problem))).toEqual([]);
  const elsewhere = requests.filter((url) => !url.startsWith(baseUrl) && !url.startsWith('blob:'));
  expect(elsewhere).toEqual([]);
}

/** Opens a page and records its requests, its console messages and violations of its content security policy. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1024, height: 800 }, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  // Shorter than the test's timeout, so that the error says what the page waited for.
  page.setDefaultTimeout(WAIT_MS);
  const requests: string[] = [];
  const problems: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => {
    // Policy violations are console errors, too.
    if (['error', 'warning'].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`thrown: ${error.message}`));
  await page.goto(url);
  return { page, requests, problems, close: () => context.close() };
}
