import type { Readable } from 'node:stream';

interface FetchedFile {
  /** The bytes as they arrive. It fails with InputUnreachable, or with the signal's reason. */
  readonly body: Readable;
  /** What the URL calls the file: any characters, or nothing. */
  readonly filename: string | undefined;
}

/** Gets the files that clients name by a URL. */
export interface InputFetcher {
  /**
   * @param use reads the bytes; they are there until it is done
   * @returns what `use` gives
   * @throws InputUnreachable, the signal's reason, or what `use` throws
   */
  fetch<T>(
    url: string,
    limits: { readonly maxBytes: number; readonly signal: AbortSignal },
    use: (file: FetchedFile) => Promise<T>,
  ): Promise<T>;
}
