import { matchesOwnWords } from './clientTexts.js';

/**
 * The only table that defines what a failed attempt means: its category in the metrics, who is at fault, and whether the job gets
 * another attempt. Every failure of a prompt is one of these kinds.
 */

/** The categories of failed jobs in the metrics. */
export const ERROR_CATEGORIES = [
  'connection_refused',
  'connection_timeout',
  'connection_lost',
  'workflow_validation',
  'execution_error',
  'out_of_memory',
  'processing_timeout',
  'instance_unavailable',
  'result_missing',
  'internal',
] as const;

export type ErrorCategory = (typeof ERROR_CATEGORIES)[number];

/** Whether the machine was unreachable, or did not respond like ComfyUI. */
export function isContactFailure(category: ErrorCategory): boolean {
  return category.startsWith('connection_') || category === 'instance_unavailable';
}

/** Who is at fault. `unclear`: the prompt or the machine; several failures in a row show which. */
type Blame = 'prompt' | 'machine' | 'nobody' | 'unclear';

export interface Verdict {
  readonly category: ErrorCategory;
  readonly blame: Blame;
  /** Whether another attempt is likely to succeed. */
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
  /** The TCP connection fails. */
  'connection refused': verdict('connection_refused', 'machine', 'retry'),
  /** No response in time: longer than a busy process can be silent. */
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
  /** The asset store is unavailable, so that the job's files could not be sent to the machine. */
  'store unavailable': { ...verdict('internal', 'nobody', 'retry'), isFree: true },
  /** This server has no file descriptors left, so that it cannot connect to any machine. */
  'server exhausted': { ...verdict('internal', 'nobody', 'retry'), isFree: true },
  /** Longer than `JOB_TIMEOUT`. */
  'ran too long': verdict('processing_timeout', 'machine', 'final'),
  /** ComfyUI rejected the prompt and would reject it again. */
  'invalid workflow': verdict('workflow_validation', 'prompt', 'final'),
  /** Larger than this machine's `max_upload_size`; another one may accept it. */
  'upload too large': verdict('workflow_validation', 'nobody', 'retry'),
  /** The uploaded file was deleted before the prompt ran, as when ComfyUI empties its temp folder at a restart. */
  'input file gone': verdict('instance_unavailable', 'nobody', 'retry'),
  /** A loader node cannot decode the image. */
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
  /** The prompt succeeded but its output node has no file. */
  'no output': verdict('result_missing', 'unclear', 'final'),
  /** `GET /view` does not find the file. */
  'result gone': verdict('result_missing', 'unclear', 'retry'),
  /** `GET /view` refuses the file: the prompt chose a name or folder that ComfyUI does not serve. */
  'result out of reach': verdict('result_missing', 'prompt', 'final'),
  /** The file under the result's name was made by another prompt. */
  'wrong result': verdict('result_missing', 'nobody', 'retry'),
  'unreadable result': verdict('result_missing', 'unclear', 'retry'),
  /** An image of a type that this server cannot decode, as the requested conversion needs: another attempt makes the same type. */
  'unsupported result': verdict('result_missing', 'prompt', 'final'),
  /** Larger than `MAX_RESULT_SIZE`, `MAX_OUTPUT_PIXELS` or the requested format allows. */
  'result too large': verdict('result_missing', 'prompt', 'final'),
  /** ComfyUI's image can be read, but this server failed to crop, join or encode it: another machine would change nothing. */
  'result not finished': verdict('internal', 'nobody', 'final'),
} as const satisfies Record<string, Verdict>;

export type PromptFailure = keyof typeof PROMPT_FAILURES;

/** Whether the server itself failed, for a while. That says nothing about the machine: it may even have the result. */
export function isOfServer(failure: PromptFailure): boolean {
  // The record of another version may have another failure.
  const known: Verdict | undefined = PROMPT_FAILURES[failure];
  return known?.category === 'internal' && known.retry;
}

/** ComfyUI's description of a node's exception. */
export interface NodeException {
  /** The node's class. */
  readonly nodeType: string | undefined;
  /** Python class of the exception, such as `torch.OutOfMemoryError`. */
  readonly type: string;
  readonly message: string;
  /** All texts that the client sent: a node may repeat them in its message. */
  readonly clientTexts?: readonly string[];
}

interface ExceptionRule {
  readonly failure: PromptFailure;
  readonly type?: RegExp;
  /** Matches only words that the client did not send. */
  readonly message?: RegExp;
  readonly nodeType?: RegExp;
}

/** Core and well-known classes that load an uploaded image. */
const LOADERS = /^(LoadImage|LoadImageMask|LoadImageOutput|ETN_LoadImageBase64|ETN_LoadMaskBase64)$/;

/**
 * After these errors the process cannot use its GPU anymore: each later prompt fails with the same or another error until ComfyUI
 * restarts (CUDA's "sticky" errors; an updated or crashed driver; a card that fell off the bus).
 */
const LASTING_GPU_FAULT =
  /illegal (memory access|address|instruction)|misaligned address|device-side assert|launch (failure|timed out)|hardware stack error|ECC error|CUDA error: unknown error|CUDNN_STATUS_(INTERNAL_ERROR|NOT_INITIALIZED)|device lost|fallen off the bus|NVIDIA driver|driver (version|shutting down|error)/i;

/**
 * Whether a machine is unusable until ComfyUI restarts.
 * @param message of the failure
 * @param clientTexts all texts that the client sent, which the message may repeat
 */
export function needsRestart(
  failure: PromptFailure,
  message: string,
  clientTexts: readonly string[] = [],
): boolean {
  return failure === 'GPU fault' && matchesOwnWords(LASTING_GPU_FAULT, message, clientTexts);
}

/** Exceptions that Python and its libraries raise for wrong values, never for the machine's GPU, memory or disk. */
const WRONG_VALUE =
  /^(builtins\.)?(ValueError|KeyError|IndexError|TypeError|AttributeError|NameError|UnboundLocalError|ZeroDivisionError|UnicodeDecodeError|UnicodeEncodeError|FileNotFoundError)$|JSONDecodeError$/;

/** The first matching rule decides; all patterns of a rule must match. */
const EXCEPTION_RULES: readonly ExceptionRule[] = [
  { failure: 'out of memory', type: /OutOfMemory|^MemoryError$/ },
  {
    failure: 'out of memory',
    message: /out of memory|allocation on device|can't allocate memory|Unable to allocate/i,
  },
  { failure: 'GPU fault', type: /AcceleratorError|CudaError|HIPError|NVMLError/i },
  { failure: 'GPU fault', message: LASTING_GPU_FAULT },
  {
    failure: 'GPU fault',
    message:
      /CUDA|cuDNN|cuBLAS|cuFFT|cuSPARSE|NVRTC|NVML|NCCL|NVIDIA|\bHIP\b|hip(Error|BLAS)|rocBLAS|MIOpen|device-side assert|driver (version|shutting down|error)|Level Zero|UR_RESULT_ERROR|MPS backend/i,
  },
  {
    failure: 'disk fault',
    // EPERM, EIO, EACCES, ENODEV, ENFILE, EMFILE, ENOSPC, EROFS, ESTALE, EDQUOT in the notation of Python and Rust.
    message:
      /(Errno |os error )(1|5|13|19|23|24|28|30|116|122)\b|No space left on device|Input\/output error/i,
  },
  { failure: 'disk fault', message: /Read-only file system|Too many open files|Disk quota exceeded/i },
  { failure: 'input file gone', nodeType: LOADERS, type: /FileNotFoundError/ },
  { failure: 'file missing', type: /FileNotFoundError/ },
  { failure: 'unreadable input', nodeType: LOADERS },
];

/** Classifies a node's exception. */
export function failureOfException({
  type,
  message,
  nodeType,
  clientTexts = [],
}: NodeException): PromptFailure {
  const isWrongValue = WRONG_VALUE.test(type);
  const fits = (rule: ExceptionRule) =>
    (rule.type?.test(type) ?? true) &&
    (rule.nodeType?.test(nodeType ?? '') ?? true) &&
    (rule.message === undefined || (!isWrongValue && matchesOwnWords(rule.message, message, clientTexts)));
  return EXCEPTION_RULES.find(fits)?.failure ?? 'node failed';
}
