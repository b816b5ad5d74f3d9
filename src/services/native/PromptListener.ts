import type { MachineMessage, MachinePreview } from '../comfyui/machineMessages.js';
import type { JobListener } from '../jobs/JobMessages.js';
import type { ClientSocket } from './ClientSocket.js';
import type { NativePrompt } from './NativePrompt.js';

interface Parts {
  /** The client's socket, where it has one at the moment. */
  readonly socket: () => ClientSocket | undefined;
  /** The prompt has new files. */
  readonly onFiles: () => void;
  readonly onOverflow: () => void;
}

/** Hears what machines say of one prompt, and tells its client. */
export class PromptListener implements JobListener {
  /** What its socket does not take is dropped there. */
  readonly waitingBytes = 0;
  readonly #prompt: NativePrompt;
  readonly #parts: Parts;
  /** A preview that is told after the progress of its step. */
  #late: MachinePreview | undefined;

  constructor(prompt: NativePrompt, parts: Parts) {
    this.#prompt = prompt;
    this.#parts = parts;
  }

  onMessage(message: MachineMessage, mark: string): void {
    const { type } = message;
    const text = this.#prompt.hear(message, mark);
    if (type === 'executed') this.#parts.onFiles();
    if (type !== 'progress') this.#tellLate();
    if (text !== undefined) this.#parts.socket()?.send(text);
    this.#tellLate();
  }

  onPreview(preview: MachinePreview, mark: string): void {
    this.#tellLate();
    const metadata = this.#prompt.previewMetadata(preview, mark);
    const socket = this.#parts.socket();
    // As in ComfyUI: with metadata a preview comes before the progress of its step, without behind it.
    if (metadata !== undefined && socket && !socket.knowsMetadata) this.#late = preview;
    else socket?.sendPreview(preview, metadata);
  }

  onOverflow(): void {
    this.#parts.onOverflow();
  }

  #tellLate(): void {
    const preview = this.#late;
    this.#late = undefined;
    if (preview) this.#parts.socket()?.sendPreview(preview, undefined);
  }
}
