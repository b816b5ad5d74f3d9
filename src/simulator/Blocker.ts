/**
 * A value that keeps the nodes behind it from running. The first of them reports the message as `ExecutionBlocked`
 * and hands on a blocker that says nothing.
 */
export class Blocker {
  readonly message: string | undefined;

  constructor(message?: string) {
    this.message = message;
  }
}
