import type { OddOutput } from './oddOutputs.js';

/**
 * What happens to a response: the connection is reset, it is delayed, it is never sent, it is not valid JSON (or no image), or it
 * is cut off halfway.
 */
type Spoilage = 'reset' | 'late' | 'never' | 'malformed' | 'half';

/**
 * Messages are sent twice, in the wrong order, together with messages about other prompts, some together with 10 MB, or together
 * with invalid data.
 */
export type MessageFault = 'twice' | 'shuffled' | 'strangers' | 'huge' | 'rubbish';

/** The next `times` requests with a method and a path. */
export interface Matching {
  /** By default any. */
  readonly method?: string;
  /** Without the leading `/api`. */
  readonly path: RegExp;
  times: number;
}

/** The faults of a simulated ComfyUI. All are off by default. */
export interface Faults {
  /** Sockets stay open but nothing is sent. */
  muteSockets: boolean;
  /** New sockets are refused. */
  refuseSockets: boolean;
  /** Delay of every HTTP response, ms. */
  delayMs: number;
  /** Requests are accepted but never get a response. */
  neverAnswer: boolean;
  /** The response to the next `times` matching requests, which are not executed. Its type is `text/plain` by default. */
  respond:
    | (Matching & { readonly status: number; readonly body?: string; readonly type?: string })
    | undefined;
  /** What happens to the response to the next `times` matching requests, which are executed. */
  spoil: (Matching & { readonly how: Spoilage; readonly lateMs?: number }) | undefined;
  /** Finished prompts are not stored in the history. */
  loseHistory: boolean;
  /** The history has the outputs of a prompt in the opposite order of their messages: ComfyUI reads them from a set. */
  reverseHistory: boolean;
  /** The running node never finishes. */
  hang: boolean;
  /** Ids of prompts whose running node never finishes. */
  holdPrompts: Set<string>;
  /** Node classes that fail, with the exception to raise. */
  failNodes: Map<string, { readonly type: string; readonly message: string }>;
  /** Node classes that block the nodes that depend on them. */
  blockNodes: Set<string>;
  /** The next model node makes an illegal memory access; then the GPU fails until a restart. */
  gpuFails: boolean;
  /** Every n-th prompt with a model fails with a temporary GPU error; 0 for none. */
  gpuFailsEvery: number;
  /** Images contain an item that names no file. */
  oddOutputs: OddOutput | undefined;
  /** No save node can write images. */
  disk: 'full' | 'broken' | undefined;
  /** Model nodes run out of memory until a client requests that memory is freed. */
  memoryFull: boolean;
  /** Replaces the bytes of every response and message. */
  rewrite: ((bytes: Buffer) => Buffer) | undefined;
  /** What is sent instead of each message, or with it. */
  messages: MessageFault | undefined;
  /** Maximum size of a request body, bytes; the start option applies if undefined. */
  maxUploadBytes: number | undefined;
  /** Further features that the machine declares, as newer versions do. */
  moreFeatures: Readonly<Record<string, unknown>>;
  /** The connection closes once a request has sent more bytes than this, `times` times: the machine dies during the request. */
  cut: { readonly afterBytes: number; times: number } | undefined;
  /** Number of files to delete just before `GET /view` requests them. */
  loseFiles: number;
}

/** The exception that PyTorch raises when GPU memory is exhausted. */
export const OUT_OF_MEMORY = {
  type: 'torch.OutOfMemoryError',
  message: 'Allocation on device 0 would exceed allowed memory. (out of memory)\n',
} as const;

/** Returns faults with none switched on. */
export function noFaults(): Faults {
  return {
    muteSockets: false,
    refuseSockets: false,
    delayMs: 0,
    neverAnswer: false,
    respond: undefined,
    spoil: undefined,
    loseHistory: false,
    reverseHistory: false,
    hang: false,
    holdPrompts: new Set(),
    failNodes: new Map(),
    blockNodes: new Set(),
    gpuFails: false,
    gpuFailsEvery: 0,
    oddOutputs: undefined,
    disk: undefined,
    memoryFull: false,
    rewrite: undefined,
    messages: undefined,
    maxUploadBytes: undefined,
    moreFeatures: {},
    cut: undefined,
    loseFiles: 0,
  };
}
