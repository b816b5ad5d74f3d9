/** The outputs in a job's record, in ComfyUI's terms: for messages that were missed, and after a restart of the server. */
import type { Json } from '../../utils/losslessJson.js';
import { shownOutputs } from '../jobs/committedOutputs.js';
import type { CompletedJob, Job, JobOutput } from '../jobs/Job.js';
import { type FilePlace, placeKey } from './filePlace.js';
import type { MadeFile } from './PromptFiles.js';
import { markedName, PromptNames } from './PromptNames.js';

/** Outputs of one output node of a completed job, in the format of `executed`. */
interface NodeOutput {
  readonly nodeId: string;
  readonly output: Json;
  readonly files: readonly MadeFile[];
}

/** Keys of the outputs of ComfyUI's own nodes, by kind, for records without them; animated images and videos count as images. */
const KEYS: Readonly<Record<JobOutput['kind'], string>> = {
  image: 'images',
  video: 'images',
  audio: 'audio',
  latent: 'latents',
  file: 'files',
  text: 'text',
};

/** Returns the outputs of a completed job by output node. */
export function resultOutputs(
  job: CompletedJob,
  names: PromptNames,
  isWanted: (nodeId: string) => boolean,
): NodeOutput[] {
  const { outputs } = job.result;
  const nodes = [...new Set(outputs.map(({ nodeId }) => nodeId))].filter(isWanted);
  return nodes.map((nodeId) => {
    const output = new Map<string, Json[]>();
    const files: MadeFile[] = [];
    const made = outputs.filter((one) => one.nodeId === nodeId);
    for (const one of made) {
      const key = one.origin?.key ?? KEYS[one.kind];
      if (isText(one)) {
        add(output, key, one.text ?? '');
        continue;
      }
      const exact = placeOf(one, names);
      const place = exact ?? likelyPlace(one, job.id);
      const { filename, subfolder, type } = place;
      add(output, key, new Map(Object.entries({ filename, subfolder, type })));
      const onMachine = one.origin?.file ?? place;
      const mark = one.origin?.mark ?? job.result.promptId;
      // Without the place in the record, the name may mean several files.
      if (exact || isOnly(one, outputs)) files.push({ place, onMachine, mark });
    }
    return { nodeId, output, files };
  });
}

/** Finds the output of a job that is at a place for its client. */
export function outputAtPlace(job: Job, place: FilePlace): JobOutput | undefined {
  const names = new PromptNames(job.request.clientPromptId ?? job.id, job.id);
  const shown = shownOutputs(job).filter((one) => !isText(one));
  const key = placeKey(place);
  const isThere = (one: JobOutput) => {
    const exact = placeOf(one, names);
    return exact !== undefined && placeKey(exact) === key;
  };
  const name = place.filename.replace(`-${job.id}`, '');
  return shown.find(isThere) ?? shown.find((one) => one.filename === name && isOnly(one, shown));
}

/** Returns the client's place of an output, if its record has the machine's one. */
function placeOf({ origin }: JobOutput, names: PromptNames): FilePlace | undefined {
  return origin?.file && names.placeForClient(origin.file, origin.mark);
}

/** Returns the place of an output whose record, of an earlier version, has only its name. */
function likelyPlace({ filename }: JobOutput, jobId: string): FilePlace {
  return { type: 'output', subfolder: '', filename: markedName(filename, jobId) };
}

/** Whether an output without an origin is the only one with its name: then the name is enough to find it. */
function isOnly(output: JobOutput, all: readonly JobOutput[]): boolean {
  return (
    output.origin === undefined && all.filter(({ filename }) => filename === output.filename).length === 1
  );
}

/** Whether the node reported a text instead of a file. */
function isText({ origin, kind }: JobOutput): boolean {
  return origin ? origin.file === undefined : kind === 'text';
}

function add(output: Map<string, Json[]>, key: string, item: Json): void {
  output.set(key, [...(output.get(key) ?? []), item]);
}
