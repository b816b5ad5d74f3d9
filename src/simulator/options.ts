import type { ExecutorOptions } from './Executor.js';
import type { Folders } from './folders.js';

export interface SimulatorOptions extends Partial<ExecutorOptions> {
  /** Node classes that this instance does not have. */
  readonly withoutNodes?: readonly string[];
  /** A header without which nobody gets in, as behind a proxy that asks for a key. Name in lower case. */
  readonly requireHeader?: { readonly name: string; readonly value: string };
  /** Nodes hand images on as they are. */
  readonly isEcho?: boolean;
  /** Enlargement models that it has. */
  readonly models?: readonly string[];
  /** Checkpoints that it has. */
  readonly checkpoints?: readonly string[];
  /** Folders that it shares with others; its own when they are left out. */
  readonly folders?: Folders;
  /** Largest request body that it takes, bytes; 100 MB when it is left out. */
  readonly maxUploadBytes?: number;
}

/** Model files of a machine by folder. */
export type ModelFolders = Readonly<
  Record<'checkpoints' | 'loras' | 'vae' | 'upscale_models', readonly string[]>
>;

const DEFAULT_MODELS = ['4x_NMKD-Siax_200k.pth', '4x_foolhardy_Remacri.pth'];

const DEFAULT_CHECKPOINTS = [
  '512-inpainting-ema.safetensors',
  'sd_xl_base_1.0.safetensors',
  'v1-5-pruned-emaonly-fp16.safetensors',
];

export function modelFolders({
  models = DEFAULT_MODELS,
  checkpoints = DEFAULT_CHECKPOINTS,
}: SimulatorOptions): ModelFolders {
  return { checkpoints, loras: [], vae: [], upscale_models: models };
}

/** How prompts run on a machine. `workMs` is read anew by each node. */
export function executorOptions(
  {
    generation = 'current',
    historyDelayMs = 5,
    loadMs = 0,
    disableMetadata = false,
    cacheSize,
    pngCost = 0,
  }: SimulatorOptions,
  workMs: ExecutorOptions['workMs'],
): ExecutorOptions {
  return { generation, workMs, loadMs, historyDelayMs, disableMetadata, cacheSize, pngCost };
}
