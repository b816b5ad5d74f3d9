import type { Page } from 'playwright-core';
import { colourOf, jpeg } from '../support/pictures.js';

/**
 * Drops images on the page, as from a file manager: `picture-1.jpg`, `picture-2.jpg`, … All are different, because a machine
 * would cache the result of the same image.
 */
export async function dropPictures(page: Page, count: number): Promise<void> {
  const pictures = await Promise.all(
    Array.from({ length: count }, (_, n) => jpeg({ width: 64, height: 48, colour: colourOf(n) })),
  );
  const dropped = await page.evaluateHandle(
    (all) => {
      const transfer = new DataTransfer();
      for (const [n, base64] of all.entries()) {
        const part = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        transfer.items.add(new File([part], `picture-${n + 1}.jpg`, { type: 'image/jpeg' }));
      }
      return transfer;
    },
    pictures.map((bytes) => bytes.toString('base64')),
  );
  await page.dispatchEvent('.drop', 'drop', { dataTransfer: dropped });
}
