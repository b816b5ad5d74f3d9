/**
 * A value that blocks the nodes that depend on it. The first blocked node reports the message as `ExecutionBlocked` and passes on
 * a blocker without a message.
 */
export class Blocker {
  readonly message: string | undefined;

  constructor(message?: string) {
    this.message = message;
  }
}
