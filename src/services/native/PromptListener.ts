import type { MachineFrame, MachineMessage, MachinePreview } from '../comfyui/machineMessages.js';
import type { JobListener } from '../jobs/JobMessages.js';
import type { ClientSocket } from './ClientSocket.js';
import type { NativePrompt } from './NativePrompt.js';

interface Parts {
  /** Returns the socket of the client, if it is connected. */
  readonly socket: () => ClientSocket | undefined;
  /** Called when the prompt has new files. */
  readonly onFiles: () => void;
  readonly onOverflow: () => void;
}

/** Forwards the messages of machines about one prompt to its client. */
export class PromptListener implements JobListener {
  /** The socket itself drops what the client does not read. */
  readonly waitingBytes = 0;
  readonly #prompt: NativePrompt;
  readonly #parts: Parts;
  /** A preview that is sent after the progress of its step. */
  #late: MachinePreview | undefined;

  constructor(prompt: NativePrompt, parts: Parts) {
    this.#prompt = prompt;
    this.#parts = parts;
  }

  onMessage(message: MachineMessage, mark: string): void {
    const { type, data } = message;
    const text = this.#prompt.hear(message, mark);
    if (type === 'executed') this.#parts.onFiles();
    // One without a prompt id announces a result: only that may follow.
    if (type !== 'progress' || !('prompt_id' in data)) this.#tellLate();
    if (text !== undefined) this.#parts.socket()?.send(text);
    this.#tellLate();
  }

  onPreview(preview: MachinePreview, mark: string): void {
    this.#tellLate();
    const metadata = this.#prompt.previewMetadata(preview, mark);
    const socket = this.#parts.socket();
    // As in ComfyUI: a preview with metadata comes before the progress of its step, one without comes after it.
    if (metadata !== undefined && socket && !socket.knowsMetadata) this.#late = preview;
    else socket?.sendPreview(preview, metadata);
  }

  onFrame(frame: MachineFrame, mark: string): void {
    this.#tellLate();
    this.#parts.socket()?.send(this.#prompt.frame(frame, mark));
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
