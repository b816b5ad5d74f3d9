/** Which messages of a machine end the run of a prompt there. */

interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const ENDS: ReadonlySet<string> = new Set(['execution_success', 'execution_error', 'execution_interrupted']);

/** Whether messages of a type end a run, unless one of them is about a blocked branch. */
export function isEndType(type: string): boolean {
  return ENDS.has(type);
}

/** Whether the content of an `execution_error` means that a node blocked its branch. The other branches continue, so the prompt has not ended. */
export function isBlocked({ exception_type }: { readonly exception_type?: unknown }): boolean {
  return exception_type === 'ExecutionBlocked';
}

/** Whether a message is about a blocked branch. */
export function tellsBlocked({ type, data }: Message): boolean {
  return type === 'execution_error' && isBlocked(data);
}

/** Whether a message ends a run. */
export function isEnd(message: Message): boolean {
  return isEndType(message.type) && !tellsBlocked(message);
}
