import type { PromptGraph } from '../../workflows/graph.js';
import type { MadeOutput, OutputReceiver } from './fetchOutputs.js';
import type { RunLimits } from './PromptClock.js';
import type { PromptProgress } from './promptTracker.js';

/** A prompt and how to run it. */
export interface PromptRun {
  readonly graph: PromptGraph;
  /** Nodes whose files and texts are the results, in the order of the results. */
  readonly outputNodes: readonly string[];
  /** Upload the files of the graph; otherwise they are sent inside the prompt. */
  readonly uploads: boolean;
  /** Id of the prompt: a UUID, as newer versions require. Never used before. */
  readonly promptId: string;
  readonly limits: RunLimits;
  /** The prompt's history entry is deleted after this: until then another server may fetch its outputs. */
  readonly until?: Promise<void> | undefined;
  /** Receives the output files, if they should not be in memory. */
  readonly receive?: OutputReceiver | undefined;
}

/** Listener to the progress of a run. */
export interface RunListener {
  /** Called before the prompt is submitted under this id, and awaited. */
  onSubmitting?: ((promptId: string) => Promise<void>) | undefined;
  /** ComfyUI accepted the prompt, under this id. */
  onSubmitted(promptId: string): void;
  onProgress(progress: PromptProgress): void;
}

/** The result of a run. */
export interface PromptResult {
  readonly promptId: string;
  /** In the order of the run's output nodes, at least one; several outputs of one node in their own order. */
  readonly outputs: readonly MadeOutput[];
}
