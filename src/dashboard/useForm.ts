import { useState } from 'preact/hooks';
import type { SubmitOptions, WorkflowDescription } from '../client/index.js';
import { type FileInput, isFileInput, type Values } from './inputs.js';
import type { Task } from './useJob.js';

/** What somebody chose and entered. */
export interface Form {
  /** The chosen workflow; undefined while the server has none. */
  readonly workflow: WorkflowDescription | undefined;
  readonly fileInputs: readonly FileInput[];
  readonly values: Values;
  /** The first file that the workflow needs and that is not there. */
  readonly missing: FileInput | undefined;
  fileOf(input: FileInput): File | undefined;
  choose(workflow: WorkflowDescription): void;
  setFile(input: FileInput, file: File | undefined): void;
  setValue(workflow: WorkflowDescription, name: string, value: string | boolean): void;
}

/** What there is a field for until the server told what it can run. */
const PICTURE: FileInput = { name: 'image', kind: 'image', required: true };

/** Files of the same kind and name serve every workflow. */
const keyOf = ({ kind, name }: FileInput) => `${kind} ${name}`;

/** Keeps what somebody enters, also while workflows come and go. */
export function useForm(workflows: readonly WorkflowDescription[]): Form {
  const [files, setFiles] = useState<Readonly<Record<string, File | undefined>>>({});
  const [type, setType] = useState<string>();
  // By workflow: it is still there after a look at another one, or when a workflow comes back.
  const [entered, setEntered] = useState<Readonly<Record<string, Values>>>({});
  const workflow = workflows.find((one) => one.type === type) ?? workflows[0];
  const fileInputs = workflow?.inputs.filter(isFileInput) ?? [PICTURE];
  const fileOf = (input: FileInput) => files[keyOf(input)];
  return {
    workflow,
    fileInputs,
    values: (workflow && entered[workflow.type]) ?? {},
    missing: fileInputs.find((input) => input.required && !fileOf(input)),
    fileOf,
    choose: (chosen) => setType(chosen.type),
    setFile: (input, file) => {
      // The first of the list may be another one soon.
      setType(workflow?.type);
      setFiles((others) => ({ ...others, [keyOf(input)]: file }));
    },
    setValue: (of, name, value) => {
      setType(workflow?.type);
      // Two fields may change before the page is drawn again.
      setEntered((all) => ({ ...all, [of.type]: { ...all[of.type], [name]: value } }));
    },
  };
}

/** What is sent: only what the workflow takes, which may have changed since it was entered. */
export function taskOf(workflow: WorkflowDescription, { fileOf, values: entered }: Form): Task {
  const files: Record<string, File> = {};
  const values: Record<string, string | boolean> = {};
  for (const input of workflow.inputs) {
    const file = isFileInput(input) ? fileOf(input) : undefined;
    const value = entered[input.name];
    if (file) files[input.name] = file;
    else if (value !== undefined) values[input.name] = value;
  }
  const format = (entered['format'] || (workflow.is_built_in ? 'PNG' : undefined)) as SubmitOptions['format'];
  return { workflow, files, values, format };
}
