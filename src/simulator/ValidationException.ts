/** What ComfyUI raises while it validates, with the name of Python's exception. */
export class ValidationException extends Error {
  readonly exceptionType: string;

  constructor(exceptionType: string, message: string) {
    super(message);
    this.exceptionType = exceptionType;
  }
}
