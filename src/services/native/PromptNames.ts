/**
 * What a prompt's nodes and files are called: on the machine that runs it, where they are the prompt's own (`ownOutputs`), and
 * for its client, who knows its graph and the id that it was answered. Files keep a mark for their client, too, since names
 * that machines number by themselves are the same on several of them: it is the job's id, by which a file is found wherever
 * it was made.
 */
export class PromptNames {
  readonly #promptId: string;
  readonly #jobId: string;
  /** Of the last attempt: the mark where it ends the id of a node, or is followed by the number of a node inside of it. */
  #nodeMark: { readonly mark: string; readonly pattern: RegExp } | undefined;

  /** @param promptId for the client */
  constructor(promptId: string, jobId: string) {
    this.#promptId = JSON.stringify(promptId).slice(1, -1);
    this.#jobId = jobId;
  }

  /**
   * JSON of a machine as its client would have got it.
   * @param machineId under which the machine runs the prompt
   * @param mark that nodes and files have there
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

/** The job whose mark is in a file's name, if there is one. */
export function jobOfFile(filename: string): string | undefined {
  return JOB_MARK.exec(filename)?.[1];
}
