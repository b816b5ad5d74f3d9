import { PromptError } from '../../errors.js';
import type { ComfyClient } from './ComfyClient.js';

/** Fresh connections that are asked. Two machines taking turns at random agree in one of 128 cases. */
const LOOKS = 8;

/**
 * Asks one address again and again, each time over a new connection, about something that it denied or confirmed just
 * now. A round-robin proxy leads some of the requests to another machine.
 * @param ask whether that machine knows of it
 * @returns whether one response was true: with a denial before, that is a contradiction
 */
export async function severalMachines(
  client: ComfyClient,
  ask: (client: ComfyClient) => Promise<boolean>,
): Promise<boolean> {
  return (await looks(client, ask)).some((known) => known);
}

/**
 * Uploads a file and looks for it over new connections.
 * @returns whether some responses have it and others deny it
 * @throws PromptError when the instance does not answer, or does not allow uploads
 */
export async function contradictsItself(
  client: ComfyClient,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  await client.upload(name, PROBE, signal);
  const file = { filename: name, subfolder: '', type: 'temp' } as const;
  const answers = await looks(client, async (other) => {
    try {
      await other.view(file, signal);
      return true;
    } catch (error) {
      if (error instanceof PromptError && error.failure === 'result gone') return false;
      throw error;
    }
  });
  return answers.some((known) => known) && answers.some((known) => !known);
}

/** A PNG of one pixel: what a machine is left with in place of pictures that nobody needs any more. */
export const PROBE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==',
  'base64',
);

async function looks(
  client: ComfyClient,
  ask: (client: ComfyClient) => Promise<boolean>,
): Promise<boolean[]> {
  const answers: boolean[] = [];
  for (let n = 0; n < LOOKS; n += 1) {
    const fresh = client.withFreshConnections();
    try {
      answers.push(await ask(fresh));
    } finally {
      fresh.close();
    }
  }
  return answers;
}
