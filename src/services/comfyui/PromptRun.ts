import type { Json } from '../../utils/losslessJson.js';
import type { PromptGraph } from '../../workflows/graph.js';
import type { MadeOutput, OutputReceiver } from './fetchOutputs.js';
import type { MachineListener } from './machineMessages.js';
import type { RunLimits } from './PromptClock.js';
import type { PromptDetail, PromptProgress } from './promptTracker.js';

/** What a prompt is run with. */
export interface PromptRun {
  readonly graph: PromptGraph;
  /** Nodes whose files and texts are the results, in the order of the results. */
  readonly outputNodes: readonly string[];
  /** Upload the files of the graph; otherwise they are sent inside the prompt. */
  readonly uploads: boolean;
  /** Id under which the prompt is submitted: a UUID, as newer servers demand. Never used before. */
  readonly promptId: string;
  /** Further entries of its `extra_data`. */
  readonly extraData?: ReadonlyMap<string, Json> | undefined;
  readonly limits: RunLimits;
  /** The prompt's history entry is deleted after this: until then somebody else may fetch its outputs again. */
  readonly until?: Promise<void> | undefined;
  /** Takes the files that come of it, where they are not to be in memory. */
  readonly receive?: OutputReceiver | undefined;
}

/** Whoever wants to know how far a run is. */
export interface RunListener {
  /** Called before the prompt is submitted under this id, and waited for. */
  onSubmitting?: ((promptId: string) => Promise<void>) | undefined;
  /** ComfyUI took the prompt, under this id. */
  onSubmitted(promptId: string): void;
  onProgress(progress: PromptProgress): void;
  /** Called with every message that may change the progress, however little. */
  onStep?: ((detail: PromptDetail) => void) | undefined;
  /**
   * Where it is given, outputs are fetched while the prompt runs: called with each, once it is here.
   * @param promptId under which it was submitted
   */
  onOutput?: ((made: MadeOutput, promptId: string) => void) | undefined;
  /**
   * What hears what the machine says, as long as there is a socket to it, of the prompt that is submitted under this id. Nodes
   * and files that are the prompt's own have it in their names (`ownOutputs`).
   */
  machine(promptId: string): MachineListener;
}

/** What came of a run. */
export interface PromptResult {
  readonly promptId: string;
  /** How long ComfyUI executed it, ms; undefined where its begin was not seen. */
  readonly executionMs: number | undefined;
  /** In the order of the run's output nodes, at least one; what one node made in its own order. */
  readonly outputs: readonly MadeOutput[];
}
