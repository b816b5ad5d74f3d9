import type { Faults } from './faults.js';
import type { Folders } from './folders.js';
import { MODEL_NODES } from './nodeFailures.js';
import type { PythonLock } from './PythonLock.js';
import type { Moment } from './prompt.js';
import type { SimulatedSockets } from './sockets.js';

/** The parts of a machine that faults act on. */
interface Machine {
  readonly faults: Faults;
  readonly sockets: SimulatedSockets;
  readonly folders: Folders;
  readonly lock: PythonLock;
  addStrangers(count: number, seconds: number): void;
  interruptAnything(): void;
  crash(): Promise<void>;
  unplug(): Promise<void>;
  plugIn(): Promise<void>;
  readonly traps: { later(ms: number, what: () => unknown): void };
}

const EVERYTHING = /^/;
/** Time until a stopped or disconnected machine is back, ms. */
export const BACK_AFTER_MS = 600;
const LATE_MS = 2000;
/** Time that a node holds Python's GIL. */
const LOCK_MS = 1500;
/** Larger than a query and smaller than an image, bytes. */
const SMALL_BODY = 300;
const STRANGERS = { count: 3, seconds: 0.3 };
const HTML = '<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>';

const always = Number.POSITIVE_INFINITY;

/** The faults of a machine, by name. Each lasts until `behave`, except those that end by themselves. */
export const MISCHIEF = {
  'connection refused': (machine) => machine.unplug(),
  'connection reset': ({ faults }) => {
    faults.spoil = { path: EVERYTHING, how: 'reset', times: always };
  },
  'one answer reset': ({ faults }) => {
    faults.spoil = { path: EVERYTHING, how: 'reset', times: 1 };
  },
  'never answers': ({ faults }) => {
    faults.neverAnswer = true;
  },
  'answers too late': ({ faults }) => {
    faults.spoil = { path: EVERYTHING, how: 'late', lateMs: LATE_MS, times: always };
  },
  'one answer too late': ({ faults }) => {
    faults.spoil = { path: EVERYTHING, how: 'late', lateMs: LATE_MS, times: 1 };
  },
  '500 for everything': ({ faults }) => {
    faults.respond = { path: EVERYTHING, status: 500, times: always };
  },
  '502 HTML of a proxy': ({ faults }) => {
    faults.respond = { path: EVERYTHING, status: 502, body: HTML, times: always };
  },
  'one 502 HTML': ({ faults }) => {
    faults.respond = { path: EVERYTHING, status: 502, body: HTML, times: 1 };
  },
  'malformed answers': ({ faults }) => {
    faults.spoil = { path: EVERYTHING, how: 'malformed', times: always };
  },
  'one malformed answer': ({ faults }) => {
    faults.spoil = { path: EVERYTHING, how: 'malformed', times: 1 };
  },
  'half answers': ({ faults }) => {
    faults.spoil = { path: EVERYTHING, how: 'half', times: always };
  },
  'one half answer': ({ faults }) => {
    faults.spoil = { path: EVERYTHING, how: 'half', times: 1 };
  },
  'sockets closed': ({ sockets }) => sockets.close(),
  'sockets cut': ({ sockets }) => sockets.drop(),
  'sockets half-open': ({ sockets }) => sockets.freeze(),
  'sockets deaf': ({ faults }) => {
    faults.muteSockets = true;
  },
  'messages twice': ({ faults }) => {
    faults.messages = 'twice';
  },
  'messages out of order': ({ faults }) => {
    faults.messages = 'shuffled';
  },
  'messages of strangers': ({ faults }) => {
    faults.messages = 'strangers';
  },
  'messages of 10 MB': ({ faults }) => {
    faults.messages = 'huge';
  },
  'messages of rubbish': ({ faults }) => {
    faults.messages = 'rubbish';
  },
  'killed for good': (machine) => machine.crash(),
  'killed and back': async (machine) => {
    await machine.crash();
    machine.traps.later(BACK_AFTER_MS, () => machine.plugIn());
  },
  'never finishes': ({ faults }) => {
    faults.hang = true;
  },
  'out of memory': ({ faults }) => {
    faults.memoryFull = true;
  },
  'GPU broken': ({ faults }) => {
    faults.gpuFails = true;
  },
  'GPU fails every other prompt': ({ faults }) => {
    faults.gpuFailsEvery = 2;
  },
  'disk full': ({ faults }) => {
    faults.disk = 'full';
  },
  'disk broken': ({ faults }) => {
    faults.disk = 'broken';
  },
  'branch blocked': ({ faults }) => {
    for (const name of MODEL_NODES) faults.blockNodes.add(name);
  },
  'odd output first': ({ faults }) => {
    faults.oddOutputs = 'before';
  },
  'odd output last': ({ faults }) => {
    faults.oddOutputs = 'after';
  },
  'odd output alone': ({ faults }) => {
    faults.oddOutputs = 'alone';
  },
  'Python lock held': ({ lock }) => lock.hold(LOCK_MS),
  'small upload limit': ({ faults }) => {
    faults.maxUploadBytes = SMALL_BODY;
  },
  'files deleted': ({ folders }) => {
    folders.empty('temp');
    folders.empty('output');
  },
  'prompts of others': (machine) => machine.addStrangers(STRANGERS.count, STRANGERS.seconds),
  'interrupted by others': (machine) => machine.interruptAnything(),
  'result file gone': ({ faults }) => {
    faults.loseFiles = 1;
  },
  'result is no image': ({ faults }) => {
    faults.respond = { path: /^\/view/, status: 200, body: 'soup', times: 1 };
  },
} satisfies Record<string, (machine: Machine) => void | Promise<void>>;

export type MischiefName = keyof typeof MISCHIEF;

/** A fault that starts when a prompt reaches a moment. */
export interface Trap {
  readonly name: MischiefName;
  readonly at: Moment;
  /** Delay between the moment and the fault, ms. */
  readonly afterMs: number;
  /**
   * Only prompts whose description contains this text trigger the trap. The description has the prompt id, the class names of its
   * nodes, and the values of the inputs `filename_prefix` and `job`; for a download also subfolder and file name. The description
   * of an upload is only its file name.
   */
  readonly output: string;
}
