/** An exception that a node raises, as `execution_error` reports it. */
export class NodeException extends Error {
  readonly exceptionType: string;

  constructor(exceptionType: string, message: string) {
    super(message);
    this.exceptionType = exceptionType;
  }
}
