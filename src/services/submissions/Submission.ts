import type { Content } from '../../utils/StoredFile.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import type { Workflow } from '../../workflows/types.js';
import type { WebhookTarget } from '../jobs/Job.js';

/** A client's file, unchecked: in memory or in the store. */
export interface ReceivedFile {
  readonly bytes: Content;
  /** The client's name of the file, shortened and without control characters. */
  readonly filename: string;
}

/** A file that a client names: an http, https or data URL, or an asset of this server. */
export type FileReference = { readonly url: string } | { readonly assetId: string };

/** A file in the request, or a reference to it. */
export type FileSource = ReceivedFile | FileReference;

/** A submission, however it was sent. */
export interface Submission {
  readonly workflow: Workflow;
  /** By the names of the workflow's file inputs. */
  readonly files: ReadonlyMap<string, FileSource>;
  /** By name, as received: the workflow's schema reads them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Names of parameters that the caller reads itself. */
  readonly otherParameters: readonly string[];
  /** Format of the resulting images; undefined if the client names none. */
  readonly format: OutputFormat | undefined;
  readonly webhook: WebhookTarget | undefined;
  readonly requestId: string;
  /** Name of the API key, if keys are configured. */
  readonly owner: string | undefined;
  /** The client in the sense of limits. */
  readonly client: string;
  /** The idempotency key, if there is one. */
  readonly idempotencyKey: string | undefined;
  /** Aborted when nobody waits for a response any more. */
  readonly signal: AbortSignal;
}
