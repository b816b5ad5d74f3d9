import type { Session, WorkflowDescription } from '../client/index.js';
import { capitalised } from './figures.js';

export type WorkflowInput = WorkflowDescription['inputs'][number];
type FileKind = Extract<WorkflowInput['kind'], 'image' | 'mask' | 'video' | 'audio' | 'file'>;
export type FileInput = WorkflowInput & { readonly kind: FileKind };

/** The entered values, by input name. */
export type Values = Readonly<Record<string, string | boolean>>;

/** The parts of a value's JSON Schema that a form can use. */
export interface ValueSchema {
  readonly default?: string | number | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  /** Step of the slider. */
  readonly step?: number;
  readonly maxLength?: number;
  readonly enum?: ReadonlyArray<string | number | boolean>;
}

/** The props of all controls. */
export interface ControlProps {
  readonly id: string;
  readonly input: WorkflowInput;
  readonly value: string;
  readonly isCompact: boolean;
  readonly described: { readonly title: string | undefined; readonly 'aria-describedby': string | undefined };
  readonly onChange: (value: string) => void;
}

/** Media types, as in the `accept` of file fields. */
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

/** File types for file dialogs: the server accepts only some types of images. */
export function acceptedBy({ kind }: FileInput, limits: Session['limits']): string | undefined {
  return kind === 'image' || kind === 'mask' ? limits.image_types.join() : ACCEPTED[kind];
}

/** Whether a file seems to match this input. The server decides by the bytes. */
export function fits({ kind }: FileInput, file: File): boolean {
  return file.type.startsWith(ACCEPTED[kind]?.replace('*', '') ?? '');
}

/** The title of an input. */
export function titleOf({ name, title }: Pick<WorkflowInput, 'name' | 'title'>): string {
  return title ?? capitalised(name).replaceAll('_', ' ');
}

export function schemaOf({ schema = {} }: WorkflowInput): ValueSchema {
  return schema as ValueSchema;
}
