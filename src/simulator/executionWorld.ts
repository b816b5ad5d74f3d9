import type { Faults } from './faults.js';
import type { Folders } from './folders.js';
import type { NodeClass } from './nodeClass.js';
import type { Gpu } from './nodeFailures.js';
import type { PythonLock } from './PythonLock.js';
import type { Moment } from './prompt.js';
import type { ResultCache } from './ResultCache.js';
import type { Message } from './sockets.js';

/** What a prompt runs in: the machine, as far as it matters to it. */
export interface ExecutionWorld {
  readonly classes: Readonly<Record<string, NodeClass>>;
  readonly folders: Folders;
  readonly faults: Faults;
  readonly gpu: Gpu;
  readonly lock: PythonLock;
  readonly workMs: Readonly<Record<string, number>>;
  /** For putting another model on the GPU, ms. */
  readonly loadMs: number;
  readonly isOlder: boolean;
  /** Whether PNG files carry their prompt. */
  readonly hasMetadata: boolean;
  /** Share of ComfyUI's time for images that is taken, 0 for none. */
  readonly pngCost: number;
  readonly cache: ResultCache;
  /** Aborted when the simulated process dies. */
  readonly dead: AbortSignal;
  /** Prefix of the temp files of a node object. */
  tempPrefix(id: string, classType: string): string;
  send(message: Message): void;
  /** Sends a preview, in the form that the socket understands. */
  sendPreview(forms: { plain: () => Buffer; withMetadata: () => Buffer }): void;
  /** Whether the socket understands previews with metadata. */
  knowsMetadata(): boolean;
  /** Another model is on the GPU. */
  onLoad(model: string): void;
  onMoment(moment: Moment): void;
  onOutput(output: unknown): void;
}
