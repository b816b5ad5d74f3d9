import pLimit from 'p-limit';
import { useState } from 'preact/hooks';
import type { Session, SubmitOptions, WorkflowDescription } from '../client/index.js';
import { checkFile } from './checkFile.js';
import { type FileInput, isFileInput, type Values } from './inputs.js';
import type { Task } from './work.js';

/** Number of images opened at the same time to read their size. */
const CHECKS_AT_ONCE = 4;

/** The state of the form. */
export interface Form {
  /** The chosen workflow; undefined if the server has none. */
  readonly workflow: WorkflowDescription | undefined;
  readonly fileInputs: readonly FileInput[];
  readonly values: Values;
  /** Limits for files. */
  readonly limits: Session['limits'];
  /** The first required file that is missing. */
  readonly missing: FileInput | undefined;
  /** Why files were rejected, one sentence each. */
  readonly problems: readonly string[];
  /** With several files, the workflow runs once for each. */
  filesOf(input: FileInput): readonly File[];
  choose(workflow: WorkflowDescription): void;
  /** Replaces the files of an input, or adds to them with `isMore`. */
  take(input: FileInput, files: readonly File[], isMore?: boolean): Promise<void>;
  remove(input: FileInput, file: File): void;
  clear(): void;
  setValue(workflow: WorkflowDescription, name: string, value: string | boolean): void;
  /** Restores the values of a task. */
  load(task: Task): void;
}

type Files = Readonly<Record<string, readonly File[]>>;

/** The input shown until the workflows are loaded. */
const PICTURE: FileInput = { name: 'image', kind: 'image', required: true };

/** Files of the same kind and name are kept when the workflow changes. */
const keyOf = ({ kind, name }: FileInput) => `${kind} ${name}`;

/** Holds the state of the form, also while workflows appear and disappear. */
export function useForm(workflows: readonly WorkflowDescription[], limits: Session['limits']): Form {
  const [files, setFiles] = useState<Files>({});
  const [problems, setProblems] = useState<readonly string[]>([]);
  const [type, setType] = useState<string>();
  // By workflow: the values are kept when the user looks at another workflow, or when the workflow is removed and added again.
  const [entered, setEntered] = useState<Readonly<Record<string, Values>>>({});
  const workflow = workflows.find((one) => one.type === type) ?? workflows[0];
  const fileInputs = workflow?.inputs.filter(isFileInput) ?? [PICTURE];
  const change = (key: string, of: (before: readonly File[]) => readonly File[]) =>
    setFiles((all) => ({ ...all, [key]: of(all[key] ?? []) }));
  const filesOf = (input: FileInput) => {
    const all = files[keyOf(input)] ?? [];
    return fileInputs.length === 1 ? all : all.slice(0, 1);
  };
  return {
    workflow,
    fileInputs,
    values: (workflow && entered[workflow.type]) ?? {},
    missing: fileInputs.find((input) => input.required && filesOf(input).length === 0),
    problems,
    limits,
    filesOf,
    choose: (chosen) => setType(chosen.type),
    take: async (input, taken, isMore = false) => {
      // The first workflow of the list may change.
      setType(workflow?.type);
      setProblems([]);
      const inTurn = pLimit(CHECKS_AT_ONCE);
      const found = await Promise.all(taken.map((file) => inTurn(() => checkFile(file, input, limits))));
      const good = taken.filter((_, index) => found[index] === undefined);
      setProblems(found.filter((problem) => problem !== undefined));
      if (good.length > 0) change(keyOf(input), (before) => (isMore ? [...before, ...good] : good));
    },
    remove: (input, file) => change(keyOf(input), (before) => before.filter((one) => one !== file)),
    clear: () => {
      setFiles({});
      setProblems([]);
    },
    setValue: (of, name, value) => {
      setType(workflow?.type);
      // Two fields may change before the next render.
      setEntered((all) => ({ ...all, [of.type]: { ...all[of.type], [name]: value } }));
    },
    load: ({ workflow: { type: loaded, inputs }, files: own, values, format }) => {
      setType(loaded);
      setProblems([]);
      for (const input of inputs.filter(isFileInput)) {
        const file = own[input.name];
        if (file) change(keyOf(input), () => [file]);
      }
      setEntered((all) => ({ ...all, [loaded]: { ...values, ...(format ? { format } : {}) } }));
    },
  };
}

/** The tasks to submit, one per file, with only the inputs that the workflow has, which may have changed. */
export function tasksOf(
  workflow: WorkflowDescription,
  { fileInputs, filesOf, values: entered }: Form,
): Task[] {
  const values: Record<string, string | boolean> = {};
  for (const input of workflow.inputs) {
    const value = entered[input.name];
    if (!isFileInput(input) && value !== undefined) values[input.name] = value;
  }
  const format = (entered['format'] || (workflow.is_built_in ? 'PNG' : undefined)) as SubmitOptions['format'];
  const [only] = fileInputs;
  if (only && fileInputs.length === 1 && filesOf(only).length > 0) {
    return filesOf(only).map((file) => ({ workflow, files: { [only.name]: file }, values, format }));
  }
  const files: Record<string, File> = {};
  for (const input of fileInputs) {
    const [file] = filesOf(input);
    if (file) files[input.name] = file;
  }
  return [{ workflow, files, values, format }];
}
