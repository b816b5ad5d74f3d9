import { randomBytes } from 'node:crypto';
import { PromptError } from '../../errors.js';
import type { ComfyClient } from './ComfyClient.js';

/** Number of fresh connections. Two machines that alternate at random give the same response in one of 128 cases. */
const LOOKS = 8;
/** The same if a file must be there, be denied, and be there again: unnoticed in one of 478 cases. */
const FILE_LOOKS = 16;

/**
 * Asks an address repeatedly, each time over a new connection, about something that it just denied or confirmed. A
 * round-robin proxy sends some of the requests to another machine.
 * @param ask whether the machine knows about it
 * @returns whether one response was true: after a denial, that is a contradiction
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
 * @throws PromptError if the instance does not respond or does not allow uploads
 */
export function contradictsItself(client: ComfyClient, signal: AbortSignal): Promise<boolean> {
  return client.uploadNames.probe(async (name) => {
    // Each machine may have the file of an earlier check.
    const content = Buffer.concat([PROBE, randomBytes(16)]);
    await client.upload(name, content, signal);
    const file = { filename: name, subfolder: '', type: 'temp' } as const;
    const files = await looks(client, (other) => unlessGone(other.files.view(file, signal)), FILE_LOOKS);
    // Anything else, such as a proxy's page, proves nothing.
    const telling = files.filter((bytes) => !bytes || bytes.subarray(0, PROBE.length).equals(PROBE));
    return cameBack(telling.map((bytes) => bytes?.equals(content) ?? false));
  });
}

/**
 * Whether a file was there, then denied, then there again. Only several machines can say that: a shared folder may show a new
 * file late, and somebody may delete it soon after.
 */
function cameBack(answers: readonly boolean[]): boolean {
  const gone = answers.indexOf(false, answers.indexOf(true) + 1);
  return answers.includes(true) && gone >= 0 && answers.includes(true, gone);
}

/**
 * Looks for a file that was just denied. A shared folder may show a new file late; once it is gone it stays gone, unless several
 * machines respond.
 * @param look gets the file
 * @returns the file, undefined if it does not exist
 * @throws PromptError `several machines`
 */
export async function viewAgain<T>(
  client: ComfyClient,
  look: (client: ComfyClient) => Promise<T>,
): Promise<T | undefined> {
  const answers = await looks(client, (other) => unlessGone(look(other)), FILE_LOOKS);
  if (cameBack(answers.map((bytes) => bytes !== undefined))) {
    const { host } = client.address;
    throw new PromptError(
      'several machines',
      `${host} is several machines: one has the result, another denies it.`,
    );
  }
  return answers.find((bytes) => bytes !== undefined);
}

async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof PromptError && error.failure === 'result gone') return undefined;
    throw error;
  }
}

/** A 1x1 PNG, which replaces images that are no longer needed. */
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
