import { isEnd } from './promptEnds.js';
import type { PromptMessage } from './protocol.js';

/**
 * Which prompt of a socket a machine runs, as far as its messages make that certain. A machine runs one prompt at a time, and that may
 * be one of another client.
 */
export class RunningPrompt {
  #id: string | undefined;
  /** Followers of prompts that have ended. Nodes may still send something from a thread of theirs. */
  readonly #ended = new WeakSet<object>();

  /** The machine's id of the prompt that certainly runs. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Notes a message about a prompt. @param follower undefined if nobody follows the prompt, such as one of another client */
  note(message: PromptMessage, follower: object | undefined): void {
    const { prompt_id } = message.data;
    if (!follower) {
      this.#id = undefined;
      return;
    }
    if (endsRun(message)) this.#ended.add(follower);
    if (!this.#ended.has(follower)) this.#id = prompt_id;
    else if (this.#id === prompt_id) this.#id = undefined;
  }
}

/** Older versions of ComfyUI end a run with `executing` without a node. */
function endsRun(message: PromptMessage): boolean {
  return isEnd(message) || (message.type === 'executing' && message.data.node === null);
}
