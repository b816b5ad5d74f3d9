/** A file that was fetched. */
interface FetchedFile {
  readonly bytes: Buffer;
  /** As the address or the server there calls it, if either does. */
  readonly filename?: string;
}

interface FetchOptions {
  /** A larger file is an error. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** Gets the files that clients name by an address. */
export interface InputFetcher {
  /**
   * @param url of the scheme http, https or data
   * @throws AppError where the error says what is wrong, anything else where the file cannot be had
   */
  fetch(url: string, options: FetchOptions): Promise<FetchedFile>;
}
