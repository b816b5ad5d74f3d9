import type { Faults } from './faults.js';
import type { Folders } from './folders.js';
import type { NodeClass } from './nodeClass.js';
import type { Gpu } from './nodeFailures.js';
import type { PythonLock } from './PythonLock.js';
import type { Moment } from './prompt.js';
import type { ResultCache } from './ResultCache.js';
import type { Message } from './sockets.js';

/** The environment of a prompt: the parts of the machine that it uses. */
export interface ExecutionWorld {
  readonly classes: Readonly<Record<string, NodeClass>>;
  readonly folders: Folders;
  readonly faults: Faults;
  readonly gpu: Gpu;
  readonly lock: PythonLock;
  readonly workMs: Readonly<Record<string, number>>;
  /** Time to load another model, ms. */
  readonly loadMs: number;
  readonly isOlder: boolean;
  /** Whether PNG files contain their prompt. */
  readonly hasMetadata: boolean;
  /** Share of ComfyUI's time for images to simulate; 0 for none. */
  readonly pngCost: number;
  readonly cache: ResultCache;
  /** Aborted when the simulated process is killed. */
  readonly dead: AbortSignal;
  /** Prefix of a node object's temp files. */
  tempPrefix(id: string, classType: string): string;
  send(message: Message): void;
  /** Sends what a node says: to its prompt's client, or to all clients if the prompt has none. */
  tell(what: Message | Buffer, toAll?: boolean): void;
  /** Sends a preview in the format that the socket supports. */
  sendPreview(forms: { plain: () => Buffer; withMetadata: () => Buffer }): void;
  /** Whether the socket supports previews with metadata. */
  knowsMetadata(): boolean;
  /** Another model was loaded. */
  onLoad(model: string): void;
  onMoment(moment: Moment): void;
  onOutput(output: unknown): void;
}
