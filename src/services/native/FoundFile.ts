import type { Readable } from 'node:stream';
import type { Content } from '../../utils/StoredFile.js';
import type { ResponseHead } from '../comfyui/HttpTransport.js';
import type { PartRequest } from '../comfyui/MachineFiles.js';

/** Identifies the bytes of a file. A place may have other bytes later. */
export interface FileVersion {
  /** Can be part of an `ETag`. */
  readonly id: string;
  /** Epoch ms; undefined if unknown. */
  readonly modifiedAt?: number | undefined;
}

/**
 * @param receive reads the bytes as a stream. Their number is undefined if it is unknown, or if they are in memory. Rejects with
 * PromptError `result gone` if the file does not exist, `wrong result` if another prompt made it
 */
type Read = <T>(receive: (body: Readable, sizeBytes?: number) => Promise<T>) => Promise<T>;

/**
 * A file on this server, or on a machine. Of a file on a machine, clients get either the same bytes, so that requests for parts can be
 * passed on (`ask`), or other bytes, which must be read from the first one on (`version`).
 */
export type FoundFile = (
  | { readonly content: Content; readonly version: FileVersion }
  | { readonly read: Read; readonly version: FileVersion }
  | { readonly read: Read; readonly ask: Ask }
) & {
  /** Maximum width x height to decode, if it is a picture. */
  readonly maxPixels: number;
};

/** Sends a request on to the machine. Rejects like `read`. */
export type Ask = <T>(
  request: PartRequest,
  receive: (body: Readable, head: ResponseHead) => Promise<T>,
) => Promise<T>;
