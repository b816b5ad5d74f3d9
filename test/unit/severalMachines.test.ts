import { expect, it } from 'vitest';
import { PromptError } from '../../src/errors.js';
import type { ComfyClient } from '../../src/services/comfyui/ComfyClient.js';
import { viewAgain } from '../../src/services/comfyui/severalMachines.js';

/** Looks for a file that is there (t) or denied (f), look by look; the last answer is repeated. */
function look(answers: string): Promise<string | undefined> {
  let looks = 0;
  const client = {
    address: { host: 'machine:8188' },
    withFreshConnections: () => ({ close: () => undefined }),
  } as unknown as ComfyClient;
  return viewAgain(client, async () => {
    const isThere = (answers[looks] ?? answers.at(-1)) === 't';
    looks += 1;
    if (!isThere) throw new PromptError('result gone', 'It does not exist.');
    return 'bytes';
  });
}

it.each(['t', 'fft', 'tttf', 'fftf', 'tf'])(
  'a file that comes late or is deleted is found: %s',
  async (answers) => {
    expect(await look(answers)).toBe('bytes');
  },
);

it('a file that is denied each time is gone', async () => {
  expect(await look('f')).toBeUndefined();
});

it.each(['tft', 'ffftft', 'tftftftftftftftf'])(
  'a file that comes back is of several machines: %s',
  async (answers) => {
    await expect(look(answers)).rejects.toMatchObject({ failure: 'several machines' });
  },
);
