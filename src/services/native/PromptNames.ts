import type { OutputFile } from '../comfyui/outputItems.js';
import { type FilePlace, filePlace } from './filePlace.js';

/**
 * Maps the names of a prompt's nodes and files between the machine, where they are unique to the prompt (`ownOutputs`),
 * and its client, which knows its own graph and prompt id. For the client, file names still contain a mark, because
 * several machines use the same numbers in file names. The mark is the job's id, which identifies the file wherever it
 * was created.
 */
export class PromptNames {
  readonly #promptId: string;
  readonly #jobId: string;

  /** @param promptId for the client */
  constructor(promptId: string, jobId: string) {
    this.#promptId = JSON.stringify(promptId).slice(1, -1);
    this.#jobId = jobId;
  }

  /**
   * Returns the JSON of a machine with the ids of the client.
   * @param machineId id of the prompt on the machine
   * @param mark of the nodes and files there
   */
  forClient(text: string, machineId: string, mark: string): string {
    return this.#withoutMark(text, `-${mark}`).replaceAll(machineId, () => this.#promptId);
  }

  /**
   * Returns the client's name of a file. A name without the mark, as nodes choose that ignore the prefix, gets the job's id as well: two
   * prompts may have such a file under the same name. It is written in another way, because another node of the same prompt may have a
   * file that differs only in the mark.
   */
  fileForClient(filename: string, mark: string): string {
    const name = this.folderForClient(filename, mark);
    return filename.includes(`-${mark}`) ? name : withJobId(name, `_${this.#jobId}`);
  }

  /** Returns the client's name of a folder. Unlike in the id of a node, the mark is always replaced. */
  folderForClient(subfolder: string, mark: string): string {
    return subfolder.replaceAll(mark, this.#jobId);
  }

  /**
   * Returns the client's place of a file.
   * @param file on the machine
   * @returns `undefined` for an invalid place
   */
  placeForClient({ type, subfolder, filename }: OutputFile, mark: string): FilePlace | undefined {
    return filePlace(type, this.folderForClient(subfolder, mark), this.fileForClient(filename, mark));
  }

  /** Returns the client's id of a node of the machine. */
  nodeForClient(id: string, mark: string): string {
    return id.replace(`-${mark}`, '');
  }

  /** Called for every message, with another mark for each prompt: compiling an expression for it would take most of the time. */
  #withoutMark(text: string, mark: string): string {
    let clean = '';
    let from = 0;
    for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, from)) {
      const end = at + mark.length;
      clean += text.slice(from, at);
      if (!isNodeEnd(text, end)) clean += `-${this.#jobId}`;
      from = end;
    }
    return clean + text.slice(from);
  }
}

/** What follows a node id: its end in JSON, or the numbers of an inner node. An extension may begin with a digit as well. */
const NODE_END = /"|\.\d+[."]/y;

/** Whether the mark before this position belongs to a node id. */
function isNodeEnd(text: string, at: number): boolean {
  NODE_END.lastIndex = at;
  return NODE_END.test(text);
}

/** Returns the client's name of a file whose name had the mark. @param filename without the mark, such as `rec_00001_.png` */
export function markedName(filename: string, jobId: string): string {
  return withJobId(filename, `-${jobId}`);
}

function withJobId(filename: string, id: string): string {
  const [, stem = filename, rest = ''] = /^(.*?)((?:_\d+_?)?\.[^.]*)$/.exec(filename) ?? [];
  return `${stem}${id}${rest}`;
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Returns the ids in a file name that may be a job's, the likeliest first: a client's own prefix may contain others. */
export function jobsOfFile(filename: string): string[] {
  return (filename.match(UUID) ?? []).reverse();
}
