import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Checks the rules of WCAG 2.1 A and AA, and best practices.
 * @param part selector of the part to check; default: the whole page
 */
export async function expectAccessible(page: Page, part = ':root'): Promise<void> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async (part) => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(part: string): Promise<{ violations: Array<{ id: string; nodes: Array<{ html: string }> }> }>;
      };
    };
    const { violations } = await axe.run(part);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }, part);
  expect(found).toEqual([]);
}
