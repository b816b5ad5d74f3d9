import { type Faults, OUT_OF_MEMORY } from './faults.js';
import { NodeException } from './NodeException.js';

/** State of a machine's GPU, until its process ends. */
export interface Gpu {
  /** After an illegal memory access nothing works anymore. */
  isBroken: boolean;
  /** Number of prompts that used the GPU. */
  prompts: number;
  lastPrompt: string | undefined;
  /** The loaded model. */
  model: string | undefined;
}

/** The GPU state after a process start. */
export function newGpu(): Gpu {
  return { isBroken: false, prompts: 0, lastPrompt: undefined, model: undefined };
}

/** Nodes that load a model. */
export const MODEL_NODES: ReadonlySet<string> = new Set([
  'InspyrenetRembg',
  'ImageUpscaleWithModel',
  'KSampler',
  'Florence2Run',
]);

/** Nodes that work even if the GPU is broken. */
const CPU_NODES: ReadonlySet<string> = new Set([
  'LoadImage',
  'LoadImageMask',
  'ETN_LoadImageBase64',
  'LoadAudio',
  'LoadVideo',
  'VHS_LoadVideo',
  'UpscaleModelLoader',
  'CheckpointLoaderSimple',
]);

/** Nodes that write to the disk. */
const DISK_NODES: ReadonlySet<string> = new Set([
  'SaveImage',
  'PreviewImage',
  'SaveAnimatedWEBP',
  'SaveVideo',
  'SaveWEBM',
  'VHS_VideoCombine',
  'SaveAudio',
  'SaveLatent',
]);

const ILLEGAL_ACCESS = {
  type: 'RuntimeError',
  message: 'CUDA error: an illegal memory access was encountered\n',
} as const;

const FLAKY_GPU = {
  type: 'RuntimeError',
  message: 'cuDNN error: CUDNN_STATUS_EXECUTION_FAILED\n',
} as const;

const DISK_ERRORS = {
  full: { type: 'OSError', message: '[Errno 28] No space left on device\n' },
  broken: { type: 'OSError', message: '[Errno 5] Input/output error\n' },
} as const;

/** The exception that a node raises because of a fault, if any. */
export function failureOf(
  classType: string,
  promptId: string,
  faults: Faults,
  gpu: Gpu,
): NodeException | undefined {
  const failure =
    faults.failNodes.get(classType) ??
    gpuFailure(classType, promptId, faults, gpu) ??
    (faults.disk && DISK_NODES.has(classType) ? DISK_ERRORS[faults.disk] : undefined);
  return failure && new NodeException(failure.type, failure.message);
}

/** Records that the GPU is broken after an illegal memory access, whichever node caused it. */
export function noteFailure(error: unknown, gpu: Gpu): void {
  if (error instanceof NodeException && /illegal memory access/.test(error.message)) gpu.isBroken = true;
}

function gpuFailure(classType: string, promptId: string, faults: Faults, gpu: Gpu) {
  if (gpu.isBroken && !CPU_NODES.has(classType)) return ILLEGAL_ACCESS;
  if (!MODEL_NODES.has(classType)) return undefined;
  if (gpu.lastPrompt !== promptId) gpu.prompts += 1;
  gpu.lastPrompt = promptId;
  if (faults.gpuFails) {
    // A restart repairs the GPU.
    faults.gpuFails = false;
    return ILLEGAL_ACCESS;
  }
  if (faults.gpuFailsEvery > 0 && gpu.prompts % faults.gpuFailsEvery === 0) return FLAKY_GPU;
  return faults.memoryFull ? OUT_OF_MEMORY : undefined;
}
