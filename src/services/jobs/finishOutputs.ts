import { type Content, headOf, sizeOf, wholeOf } from '../../utils/StoredFile.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import type { WorkflowOutput } from '../../workflows/types.js';
import type { MadeOutput } from '../comfyui/fetchOutputs.js';
import { extensionOf, type FinishedImage, type FinishOptions, finishImage } from '../images/finish.js';
import { isAnimated, keepImage } from '../images/keepImage.js';
import type { JobOutput } from './Job.js';
import type { OutputIntake } from './OutputIntake.js';
import { type FileNature, HEAD_BYTES, natureOf, TEXT } from './outputKind.js';

export interface OutputPlan {
  /** The workflow's outputs, which have the names. */
  readonly outputs: readonly WorkflowOutput[];
  /** Where every output is an image: what files are called then, without the dot and what follows it. */
  readonly imageName: string | undefined;
  /** Of the images; where it is left out they stay as ComfyUI made them, or are PNG where `imageName` is given. */
  readonly format: OutputFormat | undefined;
  readonly image: Omit<FinishOptions, 'format'>;
  /** Where outputs are kept outside of memory: what took them, and takes them once they are finished. */
  readonly intake: Pick<OutputIntake, 'natureOf' | 'keep'> | undefined;
}

/** An output as the client gets it. */
export interface FinishedOutput {
  readonly output: JobOutput;
  readonly content: Content;
  /** What a name for it ends in, without the dot. */
  readonly extension: string;
}

/** Bytes of texts that the record of a job keeps, all together; others are only fetched. */
const MAX_INLINE_TEXT = 32 * 1024;
const MAX_FILENAME = 200;
/** Images whose size can be read. Others are handed on without one. */
const MEASURED: ReadonlySet<string> = new Set(
  ['png', 'apng', 'jpeg', 'webp', 'gif', 'avif', 'tiff'].map((type) => `image/${type}`),
);

/**
 * Makes results of what ComfyUI made. Images are encoded in the format that was asked for, and cropped; everything else
 * stays as it is, byte for byte. Where outputs are kept outside of memory, each one is there before the next is finished.
 * @param made is used up
 * @param known gives those that were finished before
 * @throws PromptError `unreadable result` or `result too large`; OutputNotStored
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
      content: plan.intake ? await plan.intake.keep(content) : content,
      extension,
    });
  }
  return finished;
}

/** Makes a result of one thing that ComfyUI made. @throws as `finishOutputs` */
export async function finishOutput(made: MadeOutput, plan: OutputPlan): Promise<FinishedOutput> {
  const { nodeId, bytes: content } = made;
  const name = plan.outputs.find((one) => one.nodeId === nodeId)?.name ?? nodeId;
  const filename = safeFilename(made.filename ?? `${name}.${TEXT.extension}`);
  const as = { name, nodeId, filename };
  if (plan.imageName !== undefined) {
    return encoded(
      { ...as, filename: plan.imageName },
      await finishImage(await wholeOf(content), { ...plan.image, format: plan.format ?? 'PNG' }),
    );
  }
  const nature = await natureOfMade(made, plan);
  const { cropToSubject, maxPixels } = plan.image;
  const isChanged = plan.format !== undefined || cropToSubject || MEASURED.has(nature.mimeType);
  if (nature.kind !== 'image' || !isChanged) return kept(as, nature, { content });
  const bytes = await wholeOf(content);
  if (plan.format !== undefined || (cropToSubject && !isAnimated(bytes))) {
    const stem = filename.replace(/\.[^.]*$/, '');
    return encoded(
      { ...as, filename: stem },
      await finishImage(bytes, { ...plan.image, format: plan.format ?? 'PNG' }),
    );
  }
  if (!MEASURED.has(nature.mimeType)) return kept(as, nature, { content });
  const { bytes: smaller, ...size } = await keepImage(bytes, maxPixels);
  return kept(as, nature, { content: smaller === bytes ? content : smaller, ...size });
}

async function natureOfMade({ bytes, filename }: MadeOutput, { intake }: OutputPlan): Promise<FileNature> {
  if (filename === undefined) return TEXT;
  if (Buffer.isBuffer(bytes)) return natureOf(bytes, filename);
  return intake?.natureOf(bytes) ?? natureOf(await headOf(bytes, HEAD_BYTES), filename);
}

type Named = Pick<JobOutput, 'name' | 'nodeId' | 'filename'>;

/** @param as with a file name that has no ending yet */
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

/** A machine's name for a file, fit for records and headers. */
function safeFilename(filename: string): string {
  const last = filename.split(/[\\/]/).at(-1) ?? '';
  // Half a character that is written as two cannot be encoded.
  const whole = Buffer.from(last).toString();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return whole.replace(/[\u0000-\u001f\u007f"]/g, '_').slice(-MAX_FILENAME) || 'output';
}
