/**
 * The one table that says what a failed attempt means: how operators count it, who is at fault, and whether the job
 * gets another attempt. Everything that can go wrong with a prompt is one of these kinds; no other place decides.
 */

/** Why a job failed, as operators count it. */
export type ErrorCategory =
  | 'connection_refused'
  | 'connection_timeout'
  | 'connection_lost'
  | 'workflow_validation'
  | 'execution_error'
  | 'out_of_memory'
  | 'processing_timeout'
  | 'instance_unavailable'
  | 'result_missing'
  | 'internal';

/** Who is at fault. `unclear`: the prompt or the machine; several failures in a row tell which. */
type Blame = 'prompt' | 'machine' | 'nobody' | 'unclear';

export interface Verdict {
  readonly category: ErrorCategory;
  readonly blame: Blame;
  /** Whether another attempt may well succeed. */
  readonly retry: boolean;
  /** An attempt that does not count towards `JOB_MAX_ATTEMPTS`: the machine never worked on the prompt. */
  readonly isFree?: boolean;
}

const verdict = (category: ErrorCategory, blame: Blame, retry: 'retry' | 'final'): Verdict => ({
  category,
  blame,
  retry: retry === 'retry',
});

export const PROMPT_FAILURES = {
  /** TCP does not connect. */
  'connection refused': verdict('connection_refused', 'machine', 'retry'),
  /** No answer in time, for longer than a busy process may be silent. */
  'no answer': verdict('connection_timeout', 'machine', 'retry'),
  'connection lost': verdict('connection_lost', 'machine', 'retry'),
  /** A response that ComfyUI does not give, such as a proxy's 502. */
  'unexpected response': verdict('instance_unavailable', 'machine', 'retry'),
  /** The prompt is neither queued nor finished: the machine was restarted. */
  'prompt lost': verdict('connection_lost', 'machine', 'retry'),
  /** One response denies what another said: several machines behind one address. */
  'several machines': verdict('instance_unavailable', 'machine', 'retry'),
  /** Longer than `JOB_QUEUE_TIMEOUT` behind other prompts of that machine. */
  'queued too long': { ...verdict('instance_unavailable', 'nobody', 'retry'), isFree: true },
  /** The server that ran the job ended; the prompt may go on without it. */
  'server gone': { ...verdict('internal', 'nobody', 'retry'), isFree: true },
  /** Longer than `JOB_TIMEOUT`. */
  'ran too long': verdict('processing_timeout', 'machine', 'final'),
  /** ComfyUI refused the prompt: it would refuse it again. */
  'invalid workflow': verdict('workflow_validation', 'prompt', 'final'),
  /** Larger than this machine's `max_upload_size`; another one may accept it. */
  'upload too large': verdict('workflow_validation', 'nobody', 'retry'),
  /** The uploaded file was deleted before the prompt ran, as when ComfyUI empties its temp folder at a restart. */
  'input file gone': verdict('instance_unavailable', 'nobody', 'retry'),
  /** A loader node cannot decode the picture. */
  'unreadable input': verdict('execution_error', 'prompt', 'final'),
  /** A file that the workflow needs, such as a model, is not on this machine. */
  'file missing': verdict('execution_error', 'nobody', 'retry'),
  /** Another user of the machine stopped it. */
  interrupted: verdict('execution_error', 'nobody', 'retry'),
  'out of memory': verdict('out_of_memory', 'unclear', 'retry'),
  /** CUDA, cuDNN, ROCm or a driver. */
  'GPU fault': verdict('execution_error', 'machine', 'retry'),
  /** The disk is full, read-only or broken, or there are no file handles left. */
  'disk fault': verdict('execution_error', 'machine', 'retry'),
  /** Any other exception of a node. */
  'node failed': verdict('execution_error', 'unclear', 'final'),
  /** The prompt ended well without a file of its output node. */
  'no output': verdict('result_missing', 'unclear', 'final'),
  /** `GET /view` does not find the file. */
  'result gone': verdict('result_missing', 'unclear', 'retry'),
  /** The file under the result's name was made by another prompt. */
  'wrong result': verdict('result_missing', 'nobody', 'retry'),
  'unreadable result': verdict('result_missing', 'unclear', 'retry'),
  /** Larger than `MAX_RESULT_SIZE` or `MAX_OUTPUT_PIXELS`. */
  'result too large': verdict('result_missing', 'prompt', 'final'),
} as const satisfies Record<string, Verdict>;

export type PromptFailure = keyof typeof PROMPT_FAILURES;

/** What ComfyUI tells about a node's exception. */
export interface NodeException {
  /** The node's class. */
  readonly nodeType: string | undefined;
  /** Python class of the exception, such as `torch.OutOfMemoryError`. */
  readonly type: string;
  readonly message: string;
}

interface ExceptionRule {
  readonly failure: PromptFailure;
  readonly type?: RegExp;
  readonly message?: RegExp;
  readonly nodeType?: RegExp;
}

/** Core and well-known classes that read an uploaded picture. */
const LOADERS = /^(LoadImage|LoadImageMask|LoadImageOutput|ETN_LoadImageBase64|ETN_LoadMaskBase64)$/;

/** The first rule that fits decides: every pattern that a rule has must match. */
const EXCEPTION_RULES: readonly ExceptionRule[] = [
  { failure: 'out of memory', type: /OutOfMemory|^MemoryError$/ },
  {
    failure: 'out of memory',
    message: /out of memory|allocation on device|can't allocate memory|Unable to allocate/i,
  },
  { failure: 'GPU fault', type: /AcceleratorError|CudaError|HIPError|NVMLError/i },
  {
    failure: 'GPU fault',
    message:
      /CUDA|cuDNN|cuBLAS|cuFFT|cuSPARSE|NVRTC|NVML|NCCL|NVIDIA|\bHIP\b|hip(Error|BLAS)|rocBLAS|MIOpen|device-side assert|driver (version|shutting down|error)|Level Zero|UR_RESULT_ERROR|MPS backend/i,
  },
  {
    failure: 'disk fault',
    // EPERM, EIO, EACCES, ENODEV, ENFILE, EMFILE, ENOSPC, EROFS, ESTALE, EDQUOT as Python and Rust write them.
    message:
      /(Errno |os error )(1|5|13|19|23|24|28|30|116|122)\b|No space left on device|Input\/output error/i,
  },
  { failure: 'disk fault', message: /Read-only file system|Too many open files|Disk quota exceeded/i },
  { failure: 'input file gone', nodeType: LOADERS, type: /FileNotFoundError/ },
  { failure: 'file missing', type: /FileNotFoundError/ },
  { failure: 'unreadable input', nodeType: LOADERS },
];

/** Sorts a node's exception into the table. */
export function failureOfException(exception: NodeException): PromptFailure {
  const fits = ({ type, message, nodeType }: ExceptionRule) =>
    (type?.test(exception.type) ?? true) &&
    (message?.test(exception.message) ?? true) &&
    (nodeType?.test(exception.nodeType ?? '') ?? true);
  return EXCEPTION_RULES.find(fits)?.failure ?? 'node failed';
}
