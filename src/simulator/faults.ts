/** An answer that is reset, held back, never sent, no JSON (or no image), or cut off half way. */
type Spoilage = 'reset' | 'late' | 'never' | 'malformed' | 'half';

/** Messages twice, in the wrong order, beside ones about other prompts, some beside 10 MB, or beside rubbish. */
export type MessageFault = 'twice' | 'shuffled' | 'strangers' | 'huge' | 'rubbish';

/** What can be switched on to make a simulated ComfyUI misbehave. Everything is off at first. */
export interface Faults {
  /** Sockets stay open and nothing is sent on them. */
  muteSockets: boolean;
  /** New sockets are refused. */
  refuseSockets: boolean;
  /** Every answer of the HTTP API is held back this long, ms. */
  delayMs: number;
  /** Requests are taken and never answered. */
  neverAnswer: boolean;
  /** Status that matching requests are answered with, for so many `times`; the path is without a leading `/api`. */
  respond:
    | { readonly path: RegExp; readonly status: number; readonly body?: string; times: number }
    | undefined;
  /** What becomes of the answer to a matching request that was carried out, for so many `times`. */
  spoil:
    | { readonly path: RegExp; readonly how: Spoilage; times: number; readonly lateMs?: number }
    | undefined;
  /** Finished prompts are not kept. */
  loseHistory: boolean;
  /** The running node never ends. */
  hang: boolean;
  /** Ids of prompts whose running node never ends. */
  holdPrompts: Set<string>;
  /** Node classes that fail, with the exception that they raise. */
  failNodes: Map<string, { readonly type: string; readonly message: string }>;
  /** Node classes that keep their branch from running. */
  blockNodes: Set<string>;
  /** The next model node makes an illegal memory access, after which the GPU is of no use until a restart. */
  gpuFails: boolean;
  /** Every so many prompts with a model fail with an error of the GPU that passes; 0 for none. */
  gpuFailsEvery: number;
  /** Images come with an item that names no file. */
  oddOutputs: 'before' | 'after' | 'alone' | undefined;
  /** Images cannot be written, by any of the savers. */
  disk: 'full' | 'broken' | undefined;
  /** Model nodes run out of memory until somebody asks for memory to be freed. */
  memoryFull: boolean;
  /** Turns every answer and message into another one; what it gives is sent byte for byte. */
  rewrite: ((bytes: Buffer) => Buffer) | undefined;
  /** What is sent in place of each message, or beside it. */
  messages: MessageFault | undefined;
  /** Largest request body that is taken, bytes; as the machine was started when it is undefined. */
  maxUploadBytes: number | undefined;
  /** The connection is cut, for so many `times`, when a request has brought more bytes: the machine dies in the middle of it. */
  cut: { readonly afterBytes: number; times: number } | undefined;
  /** How many of the files that `GET /view` asks for are deleted just before. */
  loseFiles: number;
}

/** The exception that PyTorch raises when a GPU's memory is used up. */
export const OUT_OF_MEMORY = {
  type: 'torch.OutOfMemoryError',
  message: 'Allocation on device 0 would exceed allowed memory. (out of memory)\n',
} as const;

/** A set of faults with none switched on. */
export function noFaults(): Faults {
  return {
    muteSockets: false,
    refuseSockets: false,
    delayMs: 0,
    neverAnswer: false,
    respond: undefined,
    spoil: undefined,
    loseHistory: false,
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
    cut: undefined,
    loseFiles: 0,
  };
}
