/** What identifies a prompt, with the ids in the response. */
export interface PromptRecord {
  readonly id: string;
  readonly jobId: string;
  /** Client id of the socket that gets its messages. */
  readonly clientId: string | undefined;
  /** Name of the API key; `undefined` without keys. */
  readonly owner: string | undefined;
  readonly number: number;
  /** Epoch ms: a whole number, as in ComfyUI, because typed clients may refuse any other. */
  readonly createTime: number;
}
