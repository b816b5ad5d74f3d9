import { downloadZip } from 'client-zip';
import type { MiddlewareClient } from '../client/index.js';
import { resultName } from './resultName.js';
import type { Work } from './work.js';

/**
 * Everything that works made, in one file. Results are fetched one after the other and go straight into the blob, which
 * the browser keeps on its disk where it is large.
 * @param onFile called with how many results are in it
 * @throws what fetching a result throws
 */
export async function zipOf(
  client: MiddlewareClient,
  works: readonly Work[],
  onFile: (count: number) => void,
): Promise<Blob> {
  return downloadZip(entriesOf(client, works, onFile)).blob();
}

async function* entriesOf(client: MiddlewareClient, works: readonly Work[], onFile: (count: number) => void) {
  const taken = new Set<string>();
  let count = 0;
  for (const work of works) {
    if (work.state.kind !== 'done') continue;
    for (const output of client.outcome(work.state.status).outputs) {
      yield { name: freeName(resultName(work, output), taken), input: await output.response() };
    }
    count += 1;
    onFile(count);
  }
}

/** Pictures of different folders may have the same name. */
function freeName(name: string, taken: Set<string>): string {
  const dot = name.lastIndexOf('.');
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  let free = name;
  for (let n = 2; taken.has(free); n += 1) free = `${stem} (${n})${ending}`;
  taken.add(free);
  return free;
}
