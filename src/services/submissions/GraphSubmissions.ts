import { AppError } from '../../errors.js';
import type { Json } from '../../utils/losslessJson.js';
import { packEntries } from '../../utils/PackedJson.js';
import { graphWorkflow } from '../../workflows/files/graphWorkflow.js';
import type { Target } from '../../workflows/files/manifest.js';
import type { NodeLookup } from '../../workflows/files/nodeInfo.js';
import { requirementsOf } from '../../workflows/files/requirements.js';
import { invalidWorkflow } from '../../workflows/files/workflowError.js';
import { graphText } from '../../workflows/files/workflowText.js';
import type { GraphNode, PromptGraph } from '../../workflows/graph.js';
import { GRAPH_TYPE, needsOf } from '../../workflows/graphNeeds.js';
import type { GraphMachines } from '../instances/GraphMachines.js';
import type { Job } from '../jobs/Job.js';
import { type PromptSecrets, withoutSecrets } from '../jobs/PromptSecrets.js';
import { fingerprintOf } from './fingerprint.js';
import type { OnMaking, RepeatedSubmissions, Submitted } from './RepeatedSubmissions.js';
import type { FileSource, Submission } from './Submission.js';
import type { Submissions } from './Submissions.js';

/** Who may send their own graphs: everyone who may submit, only keys of the scope admin, or no one. */
export type GraphPermission = 'all' | 'admin' | 'none';

/** A file, and the node inputs whose values it replaces in the graph. */
export interface PlacedFile {
  readonly places: readonly Target[];
  readonly source: FileSource;
}

/** A client's own graph. */
export interface GraphSubmission
  extends Pick<
    Submission,
    | 'requestId'
    | 'owner'
    | 'client'
    | 'idempotencyKey'
    | 'signal'
    | 'metadata'
    | 'clientPromptId'
    | 'follower'
    | 'priority'
  > {
  /** As `readGraph` returned it. It is sent to ComfyUI unchanged, except for the inputs of files. */
  readonly graph: PromptGraph;
  readonly files: readonly PlacedFile[];
  /**
   * `extra_data` that is sent to ComfyUI with the prompt. A key for paid nodes in it is only in memory: it is kept for
   * a retry on another machine, but not for a retry by another server (`PromptSecrets`).
   */
  readonly extraData: ReadonlyMap<string, Json>;
  /** Whether the client may do what is reserved for admins. */
  readonly isAdmin: boolean;
  /** Whether to wait for an identical submission in progress, or reject with `IDEMPOTENCY_IN_PROGRESS`. */
  readonly waitsForSame: boolean;
}

interface Parts {
  readonly submissions: Pick<Submissions, 'create'>;
  readonly repeated: RepeatedSubmissions;
  readonly graphs: Pick<GraphMachines, 'check'>;
  readonly secrets: PromptSecrets;
}

/**
 * Submits graphs of clients. A graph becomes a workflow for one job, whose outputs are everything that the graph saves
 * or shows, and is then submitted like any other. Independent of HTTP.
 */
export class GraphSubmissions {
  readonly #parts: Parts;
  readonly #permission: () => GraphPermission;

  /** @param permission returns the current value: keys change while the server runs */
  constructor(parts: Parts, permission: () => GraphPermission) {
    this.#parts = parts;
    this.#permission = permission;
  }

  /**
   * Returns why a client may not send graphs of its own; `undefined` if it may.
   * @param isAdmin whether the client may do what is reserved for admins
   */
  refusalFor(isAdmin: boolean): string | undefined {
    const permission = this.#permission();
    if (permission === 'all' || (permission === 'admin' && isAdmin)) return undefined;
    return permission === 'none'
      ? 'ALLOW_RAW_WORKFLOWS is none.'
      : 'This needs an API key of the scope admin, or ALLOW_RAW_WORKFLOWS=all.';
  }

  /**
   * Creates a job, or finds the job of an earlier identical submission.
   * @throws AppError `FORBIDDEN`, `INVALID_WORKFLOW` (details by node), also if no machine has what the graph needs,
   * and the errors of `Submissions.submit`
   */
  async submit(submission: GraphSubmission): Promise<Submitted> {
    this.checkPermission(submission.isAdmin);
    return this.#parts.repeated.once(
      submission,
      () => fingerprint(submission),
      ({ signal, onMaking }) => this.#create({ ...submission, signal }, onMaking),
    );
  }

  async #create(submission: GraphSubmission, onMaking: OnMaking | undefined): Promise<Job> {
    const { graph, files, extraData, isAdmin: _isAdmin, ...rest } = submission;
    const infoOf = await this.#checkMachines(graph);
    const places = files.map((file) => file.places);
    const { workflow: made, fileNames } = graphWorkflow(graph, places, infoOf);
    // Errors name the nodes: the client does not know the names of the inputs.
    const inputs = made.files.map((input, n) => (places[n] ? { ...input, places: places[n] } : input));
    const plain = { ...made, files: inputs };
    const { rest: open, name: secrets } = this.#parts.secrets.takeFrom(extraData);
    const sources = files.flatMap(({ source }, n): [string, FileSource][] => {
      const name = fileNames[n];
      return name === undefined ? [] : [[name, source]];
    });
    const inner = {
      ...rest,
      workflow: open.size > 0 ? { ...plain, extraData: packEntries(open) } : plain,
      files: new Map(sources),
      parameters: {},
      otherParameters: [],
      format: undefined,
      webhook: undefined,
      secrets,
    };
    try {
      const job = await this.#parts.submissions.create(inner, onMaking);
      if (secrets !== undefined) await this.#parts.secrets.keepFor(job, secrets);
      return job;
    } catch (error) {
      if (secrets !== undefined) this.#parts.secrets.drop(secrets);
      throw error;
    }
  }

  /** @throws AppError `FORBIDDEN` if the client may not send its own graphs */
  checkPermission(isAdmin: boolean): void {
    const details = this.refusalFor(isAdmin);
    if (details === undefined) return;
    throw new AppError('FORBIDDEN', 'This server does not accept graphs of clients.', { details });
  }

  /** @returns the machines' info about the graph's node classes */
  async #checkMachines(graph: PromptGraph): Promise<NodeLookup> {
    const { missing, infoOf } = await this.#parts.graphs.check(needsOf(requirementsOf(graph)));
    if (missing) throw notOnAnyMachine(graph, new Set(missing));
    return infoOf;
  }
}

/** Of what the client sent, without what the machines know about it today. */
function fingerprint({ graph, files, extraData, metadata }: GraphSubmission): string {
  return fingerprintOf({
    type: GRAPH_TYPE,
    parameters: {},
    format: undefined,
    webhook: undefined,
    files: new Map(files.map(({ places, source }) => [JSON.stringify(places), source])),
    definition: graphText(graph, withoutSecrets(extraData)),
    metadata,
  });
}

/** @param missing classes, and models as `UpscaleModelLoader: file.pth` */
function notOnAnyMachine(graph: PromptGraph, missing: ReadonlySet<string>): AppError {
  const nodes = [...graph].flatMap(([id, node]) => {
    const what = missing.has(node.classType) ? 'its class' : missingModel(node, missing);
    const message = `needs what no ComfyUI instance has: ${what}`;
    return what === undefined ? [] : [{ node_id: id, class_type: node.classType, message }];
  });
  const names = [...missing].join(', ');
  return invalidWorkflow(`No healthy ComfyUI instance has what the graph needs: ${names}.`, { nodes });
}

function missingModel({ classType, inputs }: GraphNode, missing: ReadonlySet<string>): string | undefined {
  for (const value of inputs.values()) {
    if (typeof value === 'string' && missing.has(`${classType}: ${value}`)) return value;
  }
  return undefined;
}
