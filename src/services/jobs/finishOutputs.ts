import { PromptError } from '../../errors.js';
import { type Content, headOf, sizeOf, wholeOf } from '../../utils/StoredFile.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import type { WorkflowOutput } from '../../workflows/types.js';
import type { MadeOutput } from '../comfyui/fetchOutputs.js';
import { extensionOf, type FinishedImage, type FinishOptions, finishImage } from '../images/finish.js';
import { isDecodable } from '../images/formats.js';
import { isAnimated, keepImage } from '../images/keepImage.js';
import { eraseMetadataIn } from '../media/eraseMetadata.js';
import type { JobOutput } from './Job.js';
import type { OutputIntake } from './OutputIntake.js';
import { type FileNature, HEAD_BYTES, isBroken, mayHoldPrompt, natureOf, TEXT } from './outputKind.js';

export interface OutputPlan {
  /** The workflow's outputs, with their names. */
  readonly outputs: readonly WorkflowOutput[];
  /** If every output is an image: the base of file names, without the dot and the extension. */
  readonly imageName: string | undefined;
  /** Format of the images. If omitted, they stay unchanged, or become PNG if `imageName` is set. */
  readonly format: OutputFormat | undefined;
  readonly image: Omit<FinishOptions, 'format'>;
  /** If outputs are stored outside of memory: the receiver, which also stores finished outputs. */
  readonly intake: Pick<OutputIntake, 'natureOf' | 'keep'> | undefined;
}

/** An output in its final form for the client. */
export interface FinishedOutput {
  readonly output: JobOutput;
  readonly content: Content;
  /** File extension without the dot. */
  readonly extension: string;
}

/** Maximum size of all texts in a job's record, bytes; other texts are only downloaded. */
const MAX_INLINE_TEXT = 32 * 1024;
const MAX_FILENAME = 200;

/**
 * Turns ComfyUI's outputs into results. Images are encoded in the requested format, and cropped. Everything else only loses its
 * metadata.
 * If several outputs are stored outside of memory, each one is stored before the next is finished.
 * @param made consumed by this function
 * @param known returns outputs that were already finished
 * @throws PromptError `unreadable result`, `unsupported result` or `result too large`; OutputNotStored
 */
export async function finishOutputs(
  made: readonly MadeOutput[],
  plan: OutputPlan,
  known?: (made: MadeOutput) => Promise<FinishedOutput | undefined>,
): Promise<FinishedOutput[]> {
  const finished: FinishedOutput[] = [];
  let room = MAX_INLINE_TEXT;
  for (const one of made) {
    const { output, content, extension } = (await known?.(one)) ?? (await finishOutput(one, plan));
    const isInline = output.kind === 'text' && Buffer.isBuffer(content) && content.length <= room;
    if (isInline) room -= content.length;
    finished.push({
      output: isInline ? { ...output, text: content.toString() } : output,
      // A single output is stored when the job completes, and others may be stored already.
      content:
        plan.intake && made.length > 1 && output.key === undefined
          ? await plan.intake.keep(content)
          : content,
      extension,
    });
  }
  return finished;
}

/** Turns one output of ComfyUI into a result. @throws the errors of `finishOutputs` */
export async function finishOutput(made: MadeOutput, plan: OutputPlan): Promise<FinishedOutput> {
  const { nodeId, bytes: content, origin } = made;
  const name = plan.outputs.find((one) => one.nodeId === nodeId)?.name ?? nodeId;
  const filename = safeFilename(made.filename ?? `${name}.${TEXT.extension}`);
  const as = { name, nodeId, filename, origin };
  if (plan.imageName !== undefined) {
    return encoded({ name, nodeId, filename: plan.imageName }, await converted(made, plan));
  }
  const nature = await natureOfMade(made, plan);
  if (made.filename !== undefined && isBroken(made.filename, nature, sizeOf(content))) {
    throw new PromptError('unreadable result', `ComfyUI returned a damaged or empty file: ${filename}.`);
  }
  const { cropToSubject, maxPixels } = plan.image;
  const isChanged = plan.format !== undefined || cropToSubject || isDecodable(nature.mimeType);
  if (nature.kind !== 'image' || !isChanged) {
    // A file in the store lost it on its way there.
    if (Buffer.isBuffer(content) && mayHoldPrompt(nature)) await eraseMetadataIn(content);
    return kept(as, nature, { content });
  }
  const bytes = await wholeOf(content);
  if (plan.format !== undefined || (cropToSubject && !isAnimated(bytes))) {
    const stem = filename.replace(/\.[^.]*$/, '');
    return encoded({ ...as, filename: stem }, await converted({ ...made, bytes }, plan));
  }
  if (!isDecodable(nature.mimeType)) return kept(as, nature, { content });
  const { bytes: smaller, ...size } = await keepImage(bytes, maxPixels);
  return kept(as, nature, { content: smaller === bytes ? content : smaller, ...size });
}

/** @throws PromptError `unsupported result` if it is an image of a type that this server cannot decode, or those of `finishImage` */
async function converted(made: MadeOutput, plan: OutputPlan): Promise<FinishedImage> {
  const bytes = await wholeOf(made.bytes);
  const format = plan.format ?? 'PNG';
  try {
    return await finishImage(bytes, { ...plan.image, format });
  } catch (error) {
    if (!(error instanceof PromptError) || error.failure !== 'unreadable result') throw error;
    const { kind, mimeType } = await natureOf(bytes, made.filename ?? '');
    if (kind !== 'image' || isDecodable(mimeType)) throw error;
    const what =
      plan.format === undefined && plan.imageName === undefined ? 'cropped' : `converted to ${format}`;
    throw new PromptError('unsupported result', `The result is ${mimeType}, which cannot be ${what}.`, {
      cause: error,
    });
  }
}

async function natureOfMade({ bytes, filename }: MadeOutput, { intake }: OutputPlan): Promise<FileNature> {
  if (filename === undefined) return TEXT;
  if (Buffer.isBuffer(bytes)) return natureOf(bytes, filename);
  return intake?.natureOf(bytes) ?? natureOf(await headOf(bytes, HEAD_BYTES), filename);
}

type Named = Pick<JobOutput, 'name' | 'nodeId' | 'filename' | 'origin'>;

/** @param as with a file name without extension */
function encoded(as: Named, { bytes, mimeType, format, width, height, crop }: FinishedImage): FinishedOutput {
  const extension = extensionOf(format);
  const filename = `${as.filename}.${extension}`;
  const output = {
    ...as,
    filename,
    kind: 'image',
    mimeType,
    sizeBytes: bytes.length,
    width,
    height,
    ...(crop ? { crop } : {}),
  } as const;
  return { output, content: bytes, extension };
}

function kept(
  as: Named,
  { kind, mimeType, extension }: FileNature,
  { content, ...size }: { content: Content; width?: number; height?: number },
): FinishedOutput {
  return { output: { ...as, kind, mimeType, sizeBytes: sizeOf(content), ...size }, content, extension };
}

/** Makes a machine's file name safe for records and headers. */
function safeFilename(filename: string): string {
  const last = filename.split(/[\\/]/).at(-1) ?? '';
  // An unpaired surrogate cannot be encoded.
  const whole = Buffer.from(last).toString();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression replaces control characters
  return whole.replace(/[\u0000-\u001f\u007f"]/g, '_').slice(-MAX_FILENAME) || 'output';
}
