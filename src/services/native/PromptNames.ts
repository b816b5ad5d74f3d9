/**
 * Maps the names of a prompt's nodes and files between the machine, where they are unique to the prompt (`ownOutputs`),
 * and its client, which knows its own graph and prompt id. For the client, file names still contain a mark, because
 * several machines use the same numbers in file names. The mark is the job's id, which identifies the file wherever it
 * was created.
 */
export class PromptNames {
  readonly #promptId: string;
  readonly #jobId: string;
  /** Pattern of the last attempt: matches the mark at the end of a node id, or before the number of an inner node. */
  #nodeMark: { readonly mark: string; readonly pattern: RegExp } | undefined;

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
    return text
      .replaceAll(this.#nodePattern(mark), '')
      .replaceAll(`-${mark}`, `-${this.#jobId}`)
      .replaceAll(machineId, this.#promptId);
  }

  #nodePattern(mark: string): RegExp {
    if (this.#nodeMark?.mark !== mark) {
      this.#nodeMark = { mark, pattern: new RegExp(`-${mark}(?="|\\.\\d)`, 'g') };
    }
    return this.#nodeMark.pattern;
  }
}

const JOB_MARK = /-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/;

/** Returns the id of the job whose mark a file name contains, if any. */
export function jobOfFile(filename: string): string | undefined {
  return JOB_MARK.exec(filename)?.[1];
}
