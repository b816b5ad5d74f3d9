import type { Page } from 'playwright-core';
import { jpeg } from '../support/pictures.js';

/** Drops pictures of different colours on the page, as from a file manager: `picture-1.jpg`, `picture-2.jpg`, … */
export async function dropPictures(page: Page, count: number): Promise<void> {
  const bytes = await jpeg({ width: 64, height: 48 });
  const dropped = await page.evaluateHandle(
    ({ base64, count: many }) => {
      const transfer = new DataTransfer();
      const part = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      for (let n = 1; n <= many; n += 1) {
        transfer.items.add(new File([part], `picture-${n}.jpg`, { type: 'image/jpeg' }));
      }
      return transfer;
    },
    { base64: bytes.toString('base64'), count },
  );
  await page.dispatchEvent('.drop', 'drop', { dataTransfer: dropped });
}
