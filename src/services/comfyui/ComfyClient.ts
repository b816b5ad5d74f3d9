import type { z } from 'zod';
import { PromptError } from '../../errors.js';
import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { Content } from '../../utils/StoredFile.js';
import { tcpConnects } from '../../utils/tcpConnects.js';
import type { Turns } from '../../utils/turns.js';
import type { Tracing } from '../tracing/Tracing.js';
import { HttpTransport, type TransportAnswer } from './HttpTransport.js';
import { MachineFiles, type MachineFilesOptions } from './MachineFiles.js';
import { PromptQueries } from './PromptQueries.js';
import { encodePromptBody, filesInside, type PromptBody } from './promptBody.js';
import { refusalOf } from './promptRefusal.js';
import {
  type NodeInfo,
  objectInfoAnswer,
  serverFeatures,
  submitAnswer,
  systemStats,
  uploadAnswer,
} from './protocol.js';
import type { RequestBody } from './requestBody.js';
import { UploadNames } from './UploadNames.js';
import { uploadForm } from './uploadForm.js';

export interface ComfyClientOptions extends MachineFilesOptions {
  /** Sent with every request, for example for authorization; never logged. */
  readonly headers: Readonly<Record<string, string>>;
  /** Traces requests about prompts as parts of their jobs' traces. */
  readonly tracing: Tracing;
  /** Marks this server's prompts and uploads. Unique for each start of a server. */
  readonly serverId: string;
  /** Called with the name of every file in the temp folder before its first use. */
  onNewUploadName(name: string): void;
  /** Called with the error each time this server has no file descriptor for a connection to the instance. */
  onShortage(error: PromptError): void;
  /** Called before each submission. */
  onSubmit(): void;
}

/**
 * The HTTP API of one instance. Every method rejects with a `PromptError` (see the table of failures) or, if its `signal` is
 * aborted, with the signal's reason.
 */
export class ComfyClient {
  readonly address: InstanceAddress;
  /** Names for uploaded files. */
  readonly uploadNames: UploadNames;
  /** Queries about the instance's prompts. */
  readonly prompts: PromptQueries;
  /** Files in the instance's folders. */
  readonly files: MachineFiles;
  readonly #options: ComfyClientOptions;
  readonly #turns: Turns;
  readonly #transport: HttpTransport;

  constructor(address: InstanceAddress, options: ComfyClientOptions, turns: Turns) {
    this.address = address;
    this.#options = options;
    this.#turns = turns;
    this.#transport = this.#newTransport();
    this.prompts = new PromptQueries(this.#transport, options.transferTimeoutMs);
    this.files = new MachineFiles(this.#transport, options);
    this.uploadNames = new UploadNames(options.serverId, address.host, (name) =>
      options.onNewUploadName(name),
    );
  }

  /** A client for the same instance with new connections, which a load balancer in front of it may route to another machine. */
  withFreshConnections(): ComfyClient {
    return new ComfyClient(this.address, this.#options, this.#turns);
  }

  /** Whether a TCP connection can be opened, which also works if the process is too busy to respond. */
  isConnectable(): Promise<boolean> {
    return tcpConnects(this.address.baseUrl, this.#options.controlTimeoutMs);
  }

  /** `GET /system_stats`: succeeds if the instance is alive. */
  async systemStats(signal?: AbortSignal): Promise<{ version: string | undefined }> {
    const stats = await this.#get('/system_stats', systemStats, this.#options.controlTimeoutMs, signal);
    return { version: stats.system?.comfyui_version };
  }

  /** `GET /features`: the maximum size of a request body, bytes; undefined if the instance does not report it. */
  async maxUploadBytes(signal?: AbortSignal): Promise<number | undefined> {
    const timeoutMs = this.#options.controlTimeoutMs;
    const answer = await this.#transport.request({ method: 'GET', path: '/features', timeoutMs, signal });
    // Versions before 0.3.43 do not have this route.
    if (answer.status === 404) return undefined;
    return answer.parse(serverFeatures).max_upload_size;
  }

  /** `GET /object_info/{class}`; undefined if the instance does not have that node class. */
  async nodeInfo(className: string, signal?: AbortSignal): Promise<NodeInfo | undefined> {
    // An unpaired surrogate cannot be encoded: no class has such a name.
    const path = `/object_info/${encodeURIComponent(Buffer.from(className).toString())}`;
    return (await this.#get(path, objectInfoAnswer, this.#options.controlTimeoutMs, signal))[className];
  }

  /**
   * `POST /upload/image` into the temp folder; overwrites a file with this name.
   * @returns the file in the form of `LoadImage`, such as `name.png [temp]`
   * @throws PromptError `upload too large`
   */
  async upload(name: string, content: Content, signal?: AbortSignal): Promise<string> {
    const { transferTimeoutMs, streamTimeoutMs } = this.#options;
    const answer = await this.#transport.request({
      method: 'POST',
      path: '/upload/image',
      body: uploadForm(name, content),
      timeoutMs: Buffer.isBuffer(content) ? transferTimeoutMs : streamTimeoutMs,
      signal,
    });
    if (answer.status === 413) throw this.#tooLarge();
    const { name: given, subfolder, type } = answer.parse(uploadAnswer);
    return `${subfolder === '' ? '' : `${subfolder}/`}${given} [${type}]`;
  }

  /**
   * `POST /prompt`.
   * @param outputNodes ids of the nodes that the caller needs
   * @returns the prompt's id (older servers ignore the requested one), and the error if none of its output nodes will run, or if
   *   one of them lacks its uploaded file: ComfyUI then runs the rest
   * @throws PromptError `invalid workflow` with ComfyUI's own message if it rejects the prompt
   */
  async submit(
    prompt: Omit<PromptBody, 'serverId'>,
    outputNodes: readonly string[],
    signal?: AbortSignal,
  ): Promise<{ promptId: string; refusal: PromptError | undefined }> {
    this.#options.onSubmit();
    const inside = filesInside(prompt);
    for (const file of inside) if (!Buffer.isBuffer(file.content)) await file.load();
    await this.#turns.take(inside.reduce((sum, { bytes }) => sum + bytes.length, 0));
    const answer = await this.#transport.request({
      method: 'POST',
      path: '/prompt',
      body: jsonBody(encodePromptBody({ ...prompt, serverId: this.#options.serverId })),
      timeoutMs: this.#options.transferTimeoutMs,
      signal,
    });
    const files = [...prompt.files.values()];
    if (answer.status === 400) {
      throw refusalOf(answer.json(), files) ?? answer.unexpected('answered 400');
    }
    if (answer.status === 413) throw this.#tooLarge();
    const { prompt_id: promptId, node_errors } = answer.parse(submitAnswer);
    const refused = new Set(
      Object.entries(node_errors).flatMap(([id, { dependent_outputs }]) => [id, ...dependent_outputs]),
    );
    const left = outputNodes.filter((id) => !refused.has(id)).length;
    const refusal = left < outputNodes.length ? refusalOf(answer.json(), files) : undefined;
    const isHarmless = left > 0 && refusal?.failure !== 'input file gone';
    return { promptId, refusal: isHarmless ? undefined : refusal };
  }

  /** Deletes history entries. */
  async deleteHistory(promptIds: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#post('/history', { delete: promptIds }, signal);
  }

  /** Removes a pending prompt from the queue; does nothing to a running one. */
  async deletePending(promptId: string, signal?: AbortSignal): Promise<void> {
    await this.#post('/queue', { delete: [promptId] }, signal);
  }

  /**
   * Stops a prompt at its node's next check. An older ComfyUI ignores the id and stops whatever is running, so check with `queue`
   * first which prompt that is.
   */
  async interrupt(promptId: string, signal?: AbortSignal): Promise<void> {
    await this.#post('/interrupt', { prompt_id: promptId }, signal);
  }

  /** `POST /free`: removes models and cached results from the machine's memory as soon as nothing runs. */
  async freeMemory(signal?: AbortSignal): Promise<void> {
    await this.#post('/free', { unload_models: true, free_memory: true }, signal);
  }

  /**
   * Sends a `GET` whose response is passed on, whatever it is.
   * @param path with its query
   * @param maxBytes maximum size of the response
   */
  ask(path: string, maxBytes: number, signal?: AbortSignal): Promise<TransportAnswer> {
    return this.#transport.request({
      method: 'GET',
      path,
      maxBytes,
      timeoutMs: this.#options.transferTimeoutMs,
      signal,
    });
  }

  /** Closes the keep-alive connections. */
  close(): void {
    this.#transport.close();
  }

  #newTransport(): HttpTransport {
    const { headers, controlTimeoutMs } = this.#options;
    return new HttpTransport(this.address, headers, controlTimeoutMs, this.#options);
  }

  #tooLarge(): PromptError {
    const message = `${this.address.host} does not accept an upload of this size (see ComfyUI's --max-upload-size).`;
    return new PromptError('upload too large', message);
  }

  async #get<T extends z.ZodType>(
    path: string,
    schema: T,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<z.output<T>> {
    return (await this.#transport.request({ method: 'GET', path, timeoutMs, signal })).parse(schema);
  }

  async #post(path: string, body: unknown, signal?: AbortSignal): Promise<void> {
    const answer = await this.#transport.request({
      method: 'POST',
      path,
      body: jsonBody(Buffer.from(JSON.stringify(body))),
      timeoutMs: this.#options.controlTimeoutMs,
      signal,
    });
    answer.expectOk();
  }
}

const jsonBody = (bytes: Buffer): RequestBody => ({ type: 'application/json', bytes });
