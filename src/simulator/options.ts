import type { ExecutorOptions } from './Executor.js';
import type { Folders } from './folders.js';

export interface SimulatorOptions extends Partial<ExecutorOptions> {
  /** Node classes that this instance does not have. */
  readonly withoutNodes?: readonly string[];
  /** A header that every request must have, as behind a proxy that requires a key. Name in lower case. */
  readonly requireHeader?: { readonly name: string; readonly value: string };
  /** Nodes pass images on unchanged. */
  readonly isEcho?: boolean;
  /** Number of node classes that installed packs add. */
  readonly otherClasses?: number;
  /** Whether a pack is installed whose class declares and reports floats that are no numbers. */
  readonly hasOddFloats?: boolean;
  /** Installed upscale models. */
  readonly models?: readonly string[];
  /** Installed checkpoints. */
  readonly checkpoints?: readonly string[];
  /** Folders shared with other simulators; the default is its own folders. */
  readonly folders?: Folders;
  /** Maximum size of a request body, bytes; default 100 MB. */
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

/** Execution options of a machine. `workMs` is read again for each node. */
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
