import { expect, it, vi } from 'vitest';

/** The form as a newly started server writes it. */
async function formOfNewServer(): Promise<string> {
  vi.resetModules();
  const { uploadForm } = await import('../../src/services/comfyui/uploadForm.js');
  return uploadForm('a.png', Buffer.from('abc')).type;
}

it('an upload to a machine has a boundary that no client knows: with it, a picture could contain fields of the form', async () => {
  const types = [await formOfNewServer(), await formOfNewServer()];
  for (const type of types) expect(type).toMatch(/^multipart\/form-data; boundary=[\w-]{30,70}$/);
  expect(types[0]).not.toBe(types[1]);
});
