import type { Content } from '../../utils/StoredFile.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import type { Workflow } from '../../workflows/types.js';
import type { WebhookTarget } from '../jobs/Job.js';

/** A file as it came from a client, before anybody looked at its bytes: in memory, or in the store. */
export interface ReceivedFile {
  readonly bytes: Content;
  /** The client's name for it, without control characters and cut to a length. */
  readonly filename: string;
}

/** Where a file is that a client names, an address of http, https or data, or an asset of this server. */
export type FileReference = { readonly url: string } | { readonly assetId: string };

/** A file that came with the request, or where it is. */
export type FileSource = ReceivedFile | FileReference;

/** What a client wants to be done, whichever way it came in. */
export interface Submission {
  readonly workflow: Workflow;
  /** By the names of the workflow's file inputs. */
  readonly files: ReadonlyMap<string, FileSource>;
  /** By name, as they came: the workflow's own schema reads them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Names of parameters that whoever calls reads itself. */
  readonly otherParameters: readonly string[];
  /** Of the images that are made; undefined where the client names none. */
  readonly format: OutputFormat | undefined;
  readonly webhook: WebhookTarget | undefined;
  readonly requestId: string;
  /** Name of the API key that it came with, where there are keys. */
  readonly owner: string | undefined;
  /** Who sent it, as limits count clients. */
  readonly client: string;
  /** What the client calls it, where it may send it again. */
  readonly idempotencyKey: string | undefined;
  /** Aborted when nobody waits for an answer any more. */
  readonly signal: AbortSignal;
}
