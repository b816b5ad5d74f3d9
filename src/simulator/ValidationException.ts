/** An exception that ComfyUI raises during validation, with the name of the Python exception. */
export class ValidationException extends Error {
  readonly exceptionType: string;

  constructor(exceptionType: string, message: string) {
    super(message);
    this.exceptionType = exceptionType;
  }
}
