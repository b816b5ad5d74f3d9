import type { WritableJson } from '../../utils/losslessJson.js';
import type { PromptGraph } from '../../workflows/graph.js';
import type { MadeOutput, OutputReceiver } from './fetchOutputs.js';
import type { MachineListener } from './machineMessages.js';
import type { NodeTime } from './NodeTimes.js';
import type { RunLimits } from './PromptClock.js';
import type { PromptHold } from './PromptHold.js';
import type { PromptDetail, PromptProgress } from './promptTracker.js';

/** The parameters of a run. */
export interface PromptRun {
  readonly graph: PromptGraph;
  /** Nodes whose files and texts are the results, in the order of the results. */
  readonly outputNodes: readonly string[];
  /** Upload the files of the graph; otherwise they are sent inside the prompt. */
  readonly uploads: boolean;
  /** Id under which the prompt is submitted: a UUID, as newer servers demand. Never used before. */
  readonly promptId: string;
  /** Further entries of its `extra_data`. */
  readonly extraData?: ReadonlyMap<string, WritableJson> | undefined;
  readonly limits: RunLimits;
  /** Set if other servers may continue the prompt. */
  readonly hold?: PromptHold | undefined;
  /** Receives output files that must not be in memory. */
  readonly receive?: OutputReceiver | undefined;
}

/** Receives the progress of a run. */
export interface RunListener {
  /** Called, and awaited, before the prompt is submitted with this id. */
  onSubmitting?: ((promptId: string) => Promise<void>) | undefined;
  /** ComfyUI has accepted the prompt with this id. */
  onSubmitted(promptId: string): void;
  onProgress(progress: PromptProgress): void;
  /** Called with every message that may change the progress, however little. */
  onStep?: ((detail: PromptDetail) => void) | undefined;
  /**
   * If set, outputs are fetched while the prompt runs: called with each of them.
   * @param from id of the submission, and the index among the outputs of the node
   */
  onOutput?:
    | ((made: MadeOutput, from: { readonly promptId: string; readonly index: number }) => void)
    | undefined;
  /**
   * Returns the listener for the machine's messages about the prompt with this id, while there is a socket. The prompt's own
   * nodes and files have it in their names (`ownOutputs`).
   */
  machine(promptId: string): MachineListener;
}

/** The result of a run. */
export interface PromptResult {
  readonly promptId: string;
  /** Execution time in ComfyUI, ms; undefined if the start was not seen. */
  readonly executionMs: number | undefined;
  /** Execution time of each node; empty if unknown. */
  readonly nodeTimes: readonly NodeTime[];
  /** In the order of the run's output nodes, at least one; several outputs of one node in the node's order. */
  readonly outputs: readonly MadeOutput[];
}
