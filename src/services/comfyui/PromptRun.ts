import type { PromptGraph } from '../../workflows/graph.js';
import type { MadeOutput, OutputReceiver } from './fetchOutputs.js';
import type { RunLimits } from './PromptClock.js';
import type { PromptProgress } from './promptTracker.js';

/** What a prompt is run with. */
export interface PromptRun {
  readonly graph: PromptGraph;
  /** Nodes whose files and texts are the results, in the order of the results. */
  readonly outputNodes: readonly string[];
  /** Upload the files of the graph; otherwise they are sent inside the prompt. */
  readonly uploads: boolean;
  /** Id under which the prompt is submitted: a UUID, as newer servers demand. Never used before. */
  readonly promptId: string;
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
}

/** What came of a run. */
export interface PromptResult {
  readonly promptId: string;
  /** In the order of the run's output nodes, at least one; what one node made in its own order. */
  readonly outputs: readonly MadeOutput[];
}
