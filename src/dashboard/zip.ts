import { downloadZip } from 'client-zip';
import type { MiddlewareClient } from '../client/index.js';
import { resultName } from './resultName.js';
import type { Work } from './work.js';

/**
 * Packs all results of the works into one ZIP file. Downloads them one after the other into a blob, which the browser keeps on
 * disk if it is large.
 * @param onFile called with the number of files so far
 * @throws the errors of fetching a result
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

/** The name of the file: with the time when the jobs were started, because a user saves many. */
export function zipName(first: Work | undefined): string {
  const date = new Date(first?.createdTime ?? Date.now());
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes()];
  const [year, month, day, hour, minute] = parts.map((part) => String(part).padStart(2, '0'));
  return `${first?.task?.workflow.type ?? 'results'}-${year}-${month}-${day}-${hour}${minute}.zip`;
}

/** Returns an unused file name: pictures of different folders may have the same name. */
function freeName(name: string, taken: Set<string>): string {
  const dot = name.lastIndexOf('.');
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  let free = name;
  for (let n = 2; taken.has(free); n += 1) free = `${stem} (${n})${ending}`;
  taken.add(free);
  return free;
}
