import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Expects that nothing on the page is wider than the window. */
export async function expectFitting(page: Page): Promise<void> {
  const { scrolled, shown } = await page.evaluate(() => ({
    scrolled: document.documentElement.scrollWidth,
    shown: document.documentElement.clientWidth,
  }));
  expect(scrolled).toBeLessThanOrEqual(shown);
}
