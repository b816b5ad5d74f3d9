import { useEffect, useState } from 'preact/hooks';
import type { Health, MiddlewareClient, Session, WorkflowDescription } from '../client/index.js';
import { messageOf } from './errors.js';
import { FileFields } from './FileFields.js';
import { History } from './History.js';
import { obstacleTo } from './obstacle.js';
import { Question } from './Question.js';
import { Settings } from './Settings.js';
import { Stage } from './Stage.js';
import { type Form, tasksOf, useForm } from './useForm.js';
import { batchHash, jobHash, type Route } from './useRoute.js';
import { useWorks } from './useWorks.js';
import type { WorkStore } from './WorkStore.js';
import { isOver, isSameTask, type Work } from './work.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly session: Session;
  readonly store: WorkStore;
  readonly workflows: readonly WorkflowDescription[];
  readonly health: Health | undefined;
  readonly route: Route;
}

/** The form for files and values, and the jobs started from it. */
export function Studio({ client, session, store, workflows, health, route }: Props) {
  const form = useForm(workflows, session.limits);
  const works = useWorks(store);
  const isShown = route.view === 'studio';
  const [batch, setBatch] = useState(route.batch);
  const [key, setKey] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [deleting, setDeleting] = useState<readonly Work[]>();
  const { workflow } = form;
  const obstacle = workflow && health && obstacleTo(workflow, health);

  const show = (work: Work | undefined, isBatch = false) => {
    setProblem(undefined);
    setKey(isBatch ? undefined : work?.key);
    setBatch(work?.batch);
  };
  const open = (work: Work) => {
    show(work);
    scrollTo({ top: 0 });
  };
  useEffect(() => {
    const { jobId, batch: chosen } = route;
    if (chosen !== undefined) {
      setProblem(undefined);
      setKey(undefined);
      setBatch(chosen);
    }
    if (jobId === undefined) return;
    let isCurrent = true;
    const fail = (error: unknown) => {
      show(undefined);
      setProblem(messageOf(error));
    };
    store.open(jobId).then(
      (work) => isCurrent && open(work),
      (error) => isCurrent && fail(error),
    );
    return () => {
      isCurrent = false;
    };
  }, [route, store]);

  const shownBatch = works.filter((work) => work.batch === batch);
  const shown = works.find((work) => work.key === key);
  const isInput = !shown && shownBatch.length === 0;
  // A reload shows the same page. The address stays unchanged until the stored jobs are loaded.
  const hash = hashOf(shown, shownBatch);
  useEffect(() => {
    if (isShown && (hash !== '#studio' || works.length > 0)) history.replaceState(null, '', hash);
  }, [hash, isShown]);

  const started = startedState(form, shownBatch);
  const submit = (event: Event) => {
    event.preventDefault();
    if (!workflow || form.missing || started === 'running') return;
    const added = store.add(tasksOf(workflow, form));
    show(added[0], added.length > 1);
    scrollTo({ top: 0 });
  };
  const take: typeof form.take = (...taken) => {
    show(undefined);
    return form.take(...taken);
  };

  return (
    <main class="studio workbench" hidden={!isShown}>
      <div class="card stage">
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        {isInput ? (
          // Unmounted while hidden, so that the file fields do not handle content pasted elsewhere.
          isShown && <FileFields form={{ ...form, take }} />
        ) : (
          <Stage
            client={client}
            session={session}
            store={store}
            form={{ ...form, take }}
            work={shown}
            batch={shownBatch}
            onShow={show}
            onForget={setDeleting}
          />
        )}
        {isInput && form.fileInputs.length === 0 && <p class="invitation hint">The result appears here.</p>}
        {form.problems.length > 0 && <Problems problems={form.problems} />}
      </div>
      <Settings
        workflows={workflows}
        form={form}
        obstacle={obstacle}
        started={started}
        isFloating={isInput && form.fileInputs.length > 0 && form.missing === undefined}
        onChoose={(chosen) => {
          form.choose(chosen);
          show(undefined);
        }}
        onSubmit={submit}
      />
      <History
        client={client}
        works={works.filter((work) => work.batch !== batch)}
        workflows={workflows}
        hasOwnList={session.needs_key && session.access === 'submit'}
        onOpen={open}
        onClear={() => setDeleting(works)}
      />
      {deleting && (
        <Question
          text={deletionWords(deleting)}
          action={deleting.length === 1 ? 'Delete the job' : 'Delete the jobs'}
          onYes={() => {
            store.forget(deleting);
            setDeleting(undefined);
            show(undefined);
          }}
          onNo={() => setDeleting(undefined)}
        />
      )}
    </main>
  );
}

/**
 * Whether a batch that was started with exactly what is in the form now runs, or can be started again; undefined if something is
 * different.
 */
function startedState(form: Form, batch: readonly Work[]): 'running' | 'repeatable' | undefined {
  const { workflow } = form;
  if (!workflow || batch.length === 0) return undefined;
  const tasks = tasksOf(workflow, form);
  const isSame =
    tasks.length === batch.length && tasks.every((task, index) => isSameTask(task, batch[index]?.task));
  if (!isSame) return undefined;
  // With a random seed, the same settings make a different picture.
  const isRandom = workflow.inputs.some(({ kind, name }) => kind === 'seed' && !form.values[name]);
  const canRepeat = (work: Work) => isOver(work) || (isRandom && work.jobId !== undefined);
  return batch.every(canRepeat) ? 'repeatable' : 'running';
}

function hashOf(shown: Work | undefined, batch: readonly Work[]): string {
  if (shown?.jobId !== undefined) return jobHash(shown.jobId);
  const [first] = batch;
  return first && batch.length > 1 ? batchHash(first.batch) : '#studio';
}

const SHOWN_PROBLEMS = 4;

/** Why files were rejected. */
function Problems({ problems }: { problems: readonly string[] }) {
  const rest = problems.length - SHOWN_PROBLEMS;
  return (
    <div class="problem" role="alert">
      {problems.slice(0, SHOWN_PROBLEMS).map((problem) => (
        <p key={problem}>{problem}</p>
      ))}
      {rest > 0 && <p>And {rest} more.</p>}
    </div>
  );
}

function deletionWords(works: readonly Work[]): string {
  const [first] = works;
  const what =
    works.length === 1 ? `${first?.name} and its result` : `${works.length} jobs and their results`;
  return `Delete ${what}, here and on the server? Running jobs are cancelled.`;
}
