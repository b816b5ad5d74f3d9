import type { Readable } from 'node:stream';
import type { Content } from '../../utils/StoredFile.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import type { Workflow } from '../../workflows/types.js';
import type { WebhookTarget } from '../jobs/Job.js';

/** A file from a client before its bytes are inspected: in memory, or in the store. */
export interface ReceivedFile {
  readonly bytes: Content;
  /** The client's name for it, shortened and without control characters. */
  readonly filename: string;
  /** Whether someone else holds the bytes in the store, who may release them at any time. */
  readonly isBorrowed?: boolean | undefined;
}

/** A file that a client refers to: an http, https or data URL, or an asset of this server. */
export type FileReference = { readonly url: string } | { readonly assetId: string };

/** A file on a machine. */
export interface MachineFile {
  /** The machine's name for it. */
  readonly filename: string;
  /** Reads the bytes as a stream. Rejects with PromptError, or the error of `receive` */
  readonly read: <T>(receive: (body: Readable) => Promise<T>) => Promise<T>;
}

/** A file in the request, a reference to one, or a file on a machine. */
export type FileSource = ReceivedFile | FileReference | MachineFile;

/** A request for a job, independent of the API that received it. */
export interface Submission {
  readonly workflow: Workflow;
  /** By the names of the workflow's file inputs. */
  readonly files: ReadonlyMap<string, FileSource>;
  /** By name, as received: the workflow's schema parses them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Names of parameters that the caller reads itself. */
  readonly otherParameters: readonly string[];
  /** Format of the created images; `undefined` if the client chose none. */
  readonly format: OutputFormat | undefined;
  readonly webhook: WebhookTarget | undefined;
  /** From -10 to 10, higher first. Default: 0. */
  readonly priority?: number | undefined;
  /** Time within which the job must start. Default: no limit. */
  readonly deadlineSeconds?: number | undefined;
  readonly requestId: string;
  /** Name of the API key; `undefined` without keys. */
  readonly owner: string | undefined;
  /** The sender, as limits count clients. */
  readonly client: string;
  /** The client's key for this submission, if it may repeat it. */
  readonly idempotencyKey: string | undefined;
  /** Whether to wait for an identical submission in progress. If false, this one is rejected. */
  readonly waitsForSame?: boolean;
  /** Whether the client waits for the end of the job: then a job that no machine can run is rejected. */
  readonly isAwaited?: boolean;
  /** Data of the client that is returned with its job. */
  readonly metadata?: string | undefined;
  /** The client's id for its prompt. */
  readonly clientPromptId?: string | undefined;
  /** Id of the server that follows the job for the client. */
  readonly follower?: string | undefined;
  /** Name of the data that is sent to ComfyUI with the prompt and never stored. */
  readonly secrets?: string | undefined;
  /** Aborted when no one waits for the response any more. */
  readonly signal: AbortSignal;
}
