import { describe, expect, it } from 'vitest';
import { PromptError } from '../../src/errors.js';
import {
  failureOfException,
  needsRestart,
  PROMPT_FAILURES,
  type PromptFailure,
} from '../../src/promptFailures.js';

/** Node class, exception class, message; in the notation of ComfyUI, PyTorch, Pillow and Python. */
const exceptions: ReadonlyArray<readonly [PromptFailure, string, string, string]> = [
  [
    'out of memory',
    'KSampler',
    'torch.OutOfMemoryError',
    'Allocation on device 0 would exceed allowed memory.',
  ],
  [
    'out of memory',
    'KSampler',
    'torch.cuda.OutOfMemoryError',
    'CUDA out of memory. Tried to allocate 2.00 GiB',
  ],
  ['out of memory', 'VAEDecode', 'RuntimeError', 'CUDA error: out of memory'],
  ['out of memory', 'LoadImage', 'MemoryError', ''],
  ['out of memory', 'VAEDecode', 'RuntimeError', "DefaultCPUAllocator: can't allocate memory: you tried to"],
  ['out of memory', 'ImageScale', 'numpy._core._exceptions._ArrayMemoryError', 'Unable to allocate 4.00 GiB'],
  ['GPU fault', 'KSampler', 'RuntimeError', 'CUDA error: an illegal memory access was encountered\n'],
  ['GPU fault', 'KSampler', 'torch.AcceleratorError', 'device lost'],
  ['GPU fault', 'KSampler', 'RuntimeError', 'cuDNN error: CUDNN_STATUS_EXECUTION_FAILED'],
  ['GPU fault', 'KSampler', 'RuntimeError', 'CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate'],
  ['GPU fault', 'InspyrenetRembg', 'RuntimeError', 'Found no NVIDIA driver on your system.'],
  ['GPU fault', 'KSampler', 'RuntimeError', 'HIP error: invalid device function'],
  ['GPU fault', 'KSampler', 'RuntimeError', 'device-side assert triggered'],
  // A loader moves its tensor to the GPU: the machine is at fault, whatever the node.
  ['GPU fault', 'LoadImage', 'RuntimeError', 'CUDA error: unspecified launch failure'],
  ['disk fault', 'SaveImage', 'OSError', '[Errno 28] No space left on device'],
  ['disk fault', 'PreviewImage', 'OSError', "[Errno 5] Input/output error: '/data/temp/x.png'"],
  ['disk fault', 'SaveImage', 'OSError', '[Errno 30] Read-only file system'],
  ['disk fault', 'LoadImage', 'OSError', '[Errno 24] Too many open files'],
  [
    'disk fault',
    'UNETLoader',
    'safetensors_rust.SafetensorError',
    'I/O error: Stale file handle (os error 116)',
  ],
  ['disk fault', 'LoadImage', 'PermissionError', "[Errno 13] Permission denied: '/temp/x.png'"],
  ['input file gone', 'LoadImage', 'FileNotFoundError', "[Errno 2] No such file or directory: '/temp/x.png'"],
  ['file missing', 'UpscaleModelLoader', 'FileNotFoundError', "Model 'nope.pth' not found.\n"],
  ['unreadable input', 'LoadImage', 'PIL.UnidentifiedImageError', 'cannot identify image file <_io.BytesIO>'],
  ['unreadable input', 'ETN_LoadImageBase64', 'OSError', 'image file is truncated (3 bytes not processed)'],
  ['unreadable input', 'LoadImage', 'SyntaxError', "broken PNG file (chunk b'\\x00')"],
  ['unreadable input', 'LoadImage', 'PIL.Image.DecompressionBombError', 'Image size exceeds limit'],
  ['node failed', 'InspyrenetRembg', 'ValueError', 'boom'],
  ['node failed', 'FaceDetailer', 'OSError', 'image file is truncated'],
  ['node failed', 'SomeNode', 'RuntimeError', 'Sizes of tensors must match except in dimension 1'],
];

describe('an exception of a node', () => {
  it.each(exceptions)('is %s: %s, %s: %s', (failure, nodeType, type, message) => {
    expect(failureOfException({ nodeType, type, message })).toBe(failure);
  });

  it('may come without a node', () => {
    expect(failureOfException({ nodeType: undefined, type: '', message: 'x' })).toBe('node failed');
  });
});

describe('a text of the client in a message', () => {
  const TRICKS: ReadonlyArray<readonly [string, string]> = [
    ['Unknown preset: my CUDA device lost', 'my CUDA device lost'],
    ['unknown preset: MY CUDA DEVICE LOST', 'my CUDA device lost'],
    ["Unknown preset: 'a\\nCUDA error: device lost\\n'", 'a\nCUDA error: device lost\n'],
    ['Unknown preset: CUDA', 'CUDA'],
    ['Unknown preset: x NVML', 'x NVML'],
    ['[Errno 28] No space left on device', '[Errno 28] No space left on device'],
    ['no such model: CUDA out of memory', `${'padding '.repeat(20_000)}CUDA out of memory`],
  ];

  it.each(TRICKS)('says nothing about the machine: %s', (message, text) => {
    const exception = { nodeType: 'SomeNode', type: 'RuntimeError', message };
    expect(failureOfException(exception)).not.toBe('node failed');
    expect(failureOfException({ ...exception, clientTexts: [text, 'cuda'] })).toBe('node failed');
    expect(needsRestart('GPU fault', message, [text])).toBe(false);
  });

  it.each([
    'cuda',
    'a woman, memory access, illegal',
    'CUDA',
    'CUDA error',
    'illegal',
    'an access was encountered in a memory of summer',
  ])('hides no real fault: %s', (text) => {
    const message = 'CUDA error: an illegal memory access was encountered\n';
    const exception = { nodeType: 'KSampler', type: 'RuntimeError', message, clientTexts: [text] };
    expect(failureOfException(exception)).toBe('GPU fault');
    expect(needsRestart('GPU fault', message, [text])).toBe(true);
  });

  it('does not hide a word that the machine says as well', () => {
    const message = 'Unknown preset: my CUDA card (cuDNN error: CUDNN_STATUS_EXECUTION_FAILED)';
    const exception = { nodeType: 'KSampler', type: 'RuntimeError', message, clientTexts: ['my CUDA card'] };
    expect(failureOfException(exception)).toBe('GPU fault');
  });

  it.each(['ValueError', 'KeyError', 'TypeError', 'FileNotFoundError', 'json.decoder.JSONDecodeError'])(
    'is expected in a %s, which no GPU and no disk raises',
    (type) => {
      const message = 'CUDA device lost: No space left on device';
      expect(['node failed', 'file missing']).toContain(failureOfException({ nodeType: 'X', type, message }));
    },
  );
});

describe('a fault of a GPU', () => {
  it.each([
    'CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported',
    'CUDA error: device-side assert triggered',
    'CUDA error: unspecified launch failure',
    'CUDA error: misaligned address',
    'cuDNN error: CUDNN_STATUS_INTERNAL_ERROR',
    'Unexpected error from cudaGetDeviceCount(): CUDA driver version is insufficient',
    'CUDA error: driver shutting down',
    'HIP error: unspecified launch failure',
  ])('lasts until a restart: %s', (message) => {
    expect(needsRestart('GPU fault', `KSampler (node 3) failed: ${message}`)).toBe(true);
    expect(needsRestart('node failed', message)).toBe(false);
  });

  it.each([
    'cuDNN error: CUDNN_STATUS_EXECUTION_FAILED',
    'CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate',
    'HIP error: invalid device function',
    'CUDA error: no kernel image is available for execution on the device',
  ])('passes, or is about one prompt: %s', (message) => {
    expect(needsRestart('GPU fault', message)).toBe(false);
  });
});

/** Blame and retry of every failure, listed independently of the table. */
const verdicts: Readonly<Record<PromptFailure, string>> = {
  'connection refused': 'machine, retry',
  'no answer': 'machine, retry',
  'connection lost': 'machine, retry',
  'unexpected response': 'machine, retry',
  'prompt lost': 'machine, retry',
  'several machines': 'machine, retry',
  'queued too long': 'nobody, retry, free',
  'server gone': 'nobody, retry, free',
  'store unavailable': 'nobody, retry, free',
  'server exhausted': 'nobody, retry, free',
  'ran too long': 'machine, final',
  'invalid workflow': 'prompt, final',
  'upload too large': 'nobody, retry',
  'input file gone': 'nobody, retry',
  'unreadable input': 'prompt, final',
  'file missing': 'nobody, retry',
  interrupted: 'nobody, retry',
  'out of memory': 'unclear, retry',
  'GPU fault': 'machine, retry',
  'disk fault': 'machine, retry',
  'node failed': 'unclear, final',
  'no output': 'unclear, final',
  'result gone': 'unclear, retry',
  'result out of reach': 'prompt, final',
  'wrong result': 'nobody, retry',
  'unreadable result': 'unclear, retry',
  'unsupported result': 'prompt, final',
  'result too large': 'prompt, final',
  'result not finished': 'nobody, final',
};

describe('the verdict', () => {
  it.each(Object.entries(verdicts))('on "%s" is %s', (failure, expected) => {
    const { verdict } = new PromptError(failure as PromptFailure, 'x');
    const free = verdict.isFree ? ', free' : '';
    expect(`${verdict.blame}, ${verdict.retry ? 'retry' : 'final'}${free}`).toBe(expected);
  });

  it('never retries what is the fault of the prompt', () => {
    const retried = Object.values(PROMPT_FAILURES).filter(({ blame, retry }) => blame === 'prompt' && retry);
    expect(retried).toEqual([]);
  });
});
