import type { CompletedStatus, MiddlewareClient, Session } from '../client/index.js';
import { BatchView } from './BatchView.js';
import { isFileInput } from './inputs.js';
import type { Form } from './useForm.js';
import type { WorkStore } from './WorkStore.js';
import { WorkView } from './WorkView.js';
import type { Work } from './work.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly session: Session;
  readonly store: WorkStore;
  readonly form: Form;
  /** The open job; undefined to show the whole batch. */
  readonly work: Work | undefined;
  /** In the order of the pictures. */
  readonly batch: readonly Work[];
  readonly onShow: (work: Work | undefined, isBatch?: boolean) => void;
  readonly onForget: (works: readonly Work[]) => void;
}

/** Shows one job, or all jobs of a batch. */
export function Stage({ client, session, store, form, work, batch, onShow, onForget }: Props) {
  const isMany = batch.length > 1;
  if (!work) {
    return (
      <BatchView
        client={client}
        works={batch}
        back={{ label: 'New pictures', onClick: () => newPictures(form, onShow) }}
        onOpen={(one) => onShow(one)}
        onRetry={(works) => {
          for (const one of works) store.retry(one);
        }}
        onCancel={(works) => {
          for (const one of works) store.cancel(one);
        }}
      />
    );
  }
  const toBatch = { label: `All ${batch.length}`, onClick: () => onShow(work, true) };
  const hasPicture = form.fileInputs.some((input) => form.filesOf(input).length > 0);
  const toInputs = { label: hasPicture ? 'Back to the picture' : 'Back', onClick: () => onShow(undefined) };
  return (
    <WorkView
      key={work.key}
      client={client}
      work={work}
      needsKey={session.needs_key}
      back={isMany ? toBatch : toInputs}
      onCancel={() => store.cancel(work)}
      onRetry={() => onShow(store.retry(work))}
      onChange={(task) => {
        form.load(task);
        onShow(undefined);
      }}
      onUse={(file) => {
        const input =
          form.fileInputs.find(({ kind }) => kind === 'image') ??
          work.task?.workflow.inputs.find(isFileInput);
        if (input) void form.take(input, [file]);
      }}
      onKeepSeed={(status) => keepSeed(form, work, status)}
      onForget={() => onForget([work])}
    />
  );
}

function keepSeed(form: Form, { task }: Work, { seed, seeds }: CompletedStatus): void {
  for (const { name, kind } of task?.workflow.inputs ?? []) {
    const chosen = seeds === undefined ? seed : seeds[name];
    if (task && kind === 'seed' && chosen !== undefined) form.setValue(task.workflow, name, String(chosen));
  }
}

function newPictures(form: Form, onShow: Props['onShow']): void {
  form.clear();
  onShow(undefined);
}
