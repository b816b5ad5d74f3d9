import { randomBytes } from 'node:crypto';
import { PromptError } from '../../errors.js';
import type { ComfyClient } from './ComfyClient.js';

/** Fresh connections that are asked. Two machines taking turns at random agree in one of 128 cases. */
const LOOKS = 8;
/** The same where the answers must change twice: unnoticed in one of 170 cases. */
const PROBE_LOOKS = 12;

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
export function contradictsItself(client: ComfyClient, signal: AbortSignal): Promise<boolean> {
  return client.uploadNames.probe(async (name) => {
    // Each machine may have the file of an earlier time.
    const content = Buffer.concat([PROBE, randomBytes(16)]);
    await client.upload(name, content, signal);
    const file = { filename: name, subfolder: '', type: 'temp' } as const;
    const files = await looks(client, (other) => unlessGone(other.view(file, signal)), PROBE_LOOKS);
    // What is neither this file nor one of an earlier time, such as a proxy's page, says nothing.
    const telling = files.filter((bytes) => !bytes || bytes.subarray(0, PROBE.length).equals(PROBE));
    const answers = telling.map((bytes) => bytes?.equals(content) ?? false);
    // Changing once is no contradiction: a shared folder shows the file late, or somebody empties it.
    const changes = answers.filter((isThere, n) => n > 0 && isThere !== answers[n - 1]);
    return changes.length > 1;
  });
}

/**
 * Looks for a file that was denied just now. A shared folder may show a new file late; once it is there it stays, unless
 * several machines answer.
 * @param look gets the file
 * @returns the file, undefined when it is nowhere
 * @throws PromptError `several machines`
 */
export async function viewAgain<T>(
  client: ComfyClient,
  look: (client: ComfyClient) => Promise<T>,
): Promise<T | undefined> {
  const answers = await looks(client, (other) => unlessGone(look(other)));
  const first = answers.findIndex((bytes) => bytes);
  if (first >= 0 && answers.slice(first).some((bytes) => !bytes)) {
    const { host } = client.address;
    throw new PromptError(
      'several machines',
      `${host} is several machines: one has the result, another denies it.`,
    );
  }
  return answers[first];
}

async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof PromptError && error.failure === 'result gone') return undefined;
    throw error;
  }
}

/** A PNG of one pixel: what a machine is left with in place of pictures that nobody needs any more. */
export const PROBE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==',
  'base64',
);

async function looks<T>(
  client: ComfyClient,
  ask: (client: ComfyClient) => Promise<T>,
  count = LOOKS,
): Promise<T[]> {
  const answers: T[] = [];
  for (let n = 0; n < count; n += 1) {
    const fresh = client.withFreshConnections();
    try {
      answers.push(await ask(fresh));
    } finally {
      fresh.close();
    }
  }
  return answers;
}
