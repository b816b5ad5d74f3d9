/** Whether a prompt may be stopped; 'unknown' if that is not decided, or nobody could be asked: ask again later. */
export type StopVerdict = 'may stop' | 'is wanted' | 'unknown';

/** The hold of a server on the job of a prompt, where other servers may take the job over and continue the prompt. */
export interface PromptHold {
  /**
   * Resolves when the consequences of the attempt are recorded: if this server is killed before, another one continues
   * the prompt, or fetches its outputs again. With whether the job has ended, so that nobody needs the prompt.
   */
  readonly recorded: Promise<boolean>;
  /**
   * Asks before the prompt is stopped, or its history entry deleted: a server that was paused or cut off may no longer
   * hold the job. Never rejects.
   * @param promptId id of the prompt on its machine
   */
  ask(promptId: string): Promise<StopVerdict>;
}
