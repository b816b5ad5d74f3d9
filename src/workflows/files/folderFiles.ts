import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { isMissing } from '../../utils/isMissing.js';
import { invalidWorkflow } from './workflowError.js';
import { typeFromFileName } from './workflowType.js';

/** The names of one workflow's files. */
export interface WorkflowFiles {
  readonly type: string;
  readonly graph: string;
  readonly manifest?: string;
}

/** A file that belongs to no workflow, and the reason. */
interface StrayFile {
  readonly file: string;
  readonly message: string;
}

const GRAPH = /\.json$/i;
const MANIFEST = /\.ya?ml$/i;

/** The files that were found. */
interface FoundFiles {
  /** By name, a value that changes with the file. */
  readonly versions: ReadonlyMap<string, string>;
  /** Files that may exist, but could not be looked at. */
  readonly failures: ReadonlyMap<string, Error>;
}

/**
 * The folder's graphs and manifests; nothing without a folder.
 * @throws Error of the file system
 */
export async function listFiles(directory: string): Promise<FoundFiles> {
  const versions = new Map<string, string>();
  const failures = new Map<string, Error>();
  for (const name of await namesIn(directory)) {
    if (name.startsWith('.') || !(GRAPH.test(name) || MANIFEST.test(name))) continue;
    try {
      const found = await stat(path.join(directory, name));
      if (found.isFile()) versions.set(name, [found.mtimeMs, found.ctimeMs, found.size, found.ino].join(' '));
    } catch (error) {
      if (!isMissing(error)) failures.set(name, error as Error);
    }
  }
  return { versions, failures };
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Groups the files by workflow. */
export function groupFiles(names: Iterable<string>): { groups: WorkflowFiles[]; strays: StrayFile[] } {
  const groups = new Map<string, WorkflowFiles>();
  const strays: StrayFile[] = [];
  const all = [...names];
  for (const file of all.filter((name) => GRAPH.test(name))) {
    const type = typeFromFileName(file);
    const other = groups.get(type);
    if (other === undefined) groups.set(type, { type, graph: file });
    else strays.push({ file, message: `The file has the same type, ${type}, as ${other.graph}.` });
  }
  for (const file of all.filter((name) => MANIFEST.test(name))) {
    const type = typeFromFileName(file);
    const group = groups.get(type);
    if (group === undefined)
      strays.push({ file, message: `The manifest has no graph: there is no ${type}.json.` });
    else if (group.manifest === undefined) groups.set(type, { ...group, manifest: file });
    else strays.push({ file, message: `The workflow already has a manifest, ${group.manifest}.` });
  }
  return { groups: [...groups.values()], strays };
}

/**
 * Reads a text file.
 * @param maxBytes maximum size
 * @throws AppError `INVALID_WORKFLOW` if it is larger, or not UTF-8
 * @throws Error of the file system
 */
export async function readText(file: string, maxBytes: number): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw invalidWorkflow(`The file has more than ${maxBytes} bytes.`);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await handle.readFile());
  } catch (error) {
    if (error instanceof TypeError) throw invalidWorkflow('The file is not UTF-8 text.');
    throw error;
  } finally {
    await handle.close();
  }
}
