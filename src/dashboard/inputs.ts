import type { WorkflowDescription } from '../client/index.js';

export type WorkflowInput = WorkflowDescription['inputs'][number];
type FileKind = Extract<WorkflowInput['kind'], 'image' | 'mask' | 'video' | 'audio' | 'file'>;
export type FileInput = WorkflowInput & { readonly kind: FileKind };

/** What somebody entered, by the inputs' names. */
export type Values = Readonly<Record<string, string | boolean>>;

/** What the JSON Schema of a value says, as far as a form can show it. */
export interface ValueSchema {
  readonly default?: string | number | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  /** What a slider moves by. */
  readonly step?: number;
  readonly maxLength?: number;
  readonly enum?: ReadonlyArray<string | number | boolean>;
}

/** What all controls take. */
export interface ControlProps {
  readonly id: string;
  readonly input: WorkflowInput;
  readonly value: string;
  readonly isCompact: boolean;
  readonly described: { readonly title: string | undefined; readonly 'aria-describedby': string | undefined };
  readonly onChange: (value: string) => void;
}

/** What file dialogs offer. */
const ACCEPTED: Readonly<Record<FileKind, string | undefined>> = {
  image: 'image/*',
  mask: 'image/*',
  video: 'video/*',
  audio: 'audio/*',
  file: undefined,
};

export function isFileInput(input: WorkflowInput): input is FileInput {
  return input.kind in ACCEPTED;
}

export function acceptedBy({ kind }: FileInput): string | undefined {
  return ACCEPTED[kind];
}

/** Whether a file looks like one for this input. Its bytes are what counts, and the server looks at those. */
export function fits({ kind }: FileInput, file: File): boolean {
  return file.type.startsWith(ACCEPTED[kind]?.replace('*', '') ?? '');
}

/** What people call an input. */
export function titleOf({ name, title }: Pick<WorkflowInput, 'name' | 'title'>): string {
  return title ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');
}

export function schemaOf({ schema = {} }: WorkflowInput): ValueSchema {
  return schema as ValueSchema;
}
