import type { MiddlewareClient, WorkflowDescription } from '../client/index.js';
import { aFile } from './FileField.js';
import { FileFields } from './FileFields.js';
import { type FileInput, titleOf } from './inputs.js';
import { ParameterFields } from './ParameterFields.js';
import { Progress } from './Progress.js';
import { Comparison, ComparisonActions, type Done, pictureBefore, Results } from './Result.js';
import { type Form, taskOf, useForm } from './useForm.js';
import { useJob } from './useJob.js';
import { WorkflowChoice } from './WorkflowChoice.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly workflows: readonly WorkflowDescription[];
}

/** From files and values to what a workflow makes of them. */
export function Workbench({ client, workflows }: Props) {
  const form = useForm(workflows);
  const { workflow } = form;
  const { run, start, cancel, reset } = useJob(client);
  const before = run.state === 'done' ? pictureBefore(run) : undefined;
  const isAllBuiltIn = workflows.every((one) => one.is_built_in);

  const choose = (chosen: WorkflowDescription) => {
    form.choose(chosen);
    // Its files have no place beside a comparison.
    if (before && !chosen.is_built_in) reset();
  };
  const take = (input: FileInput, file: File | undefined) => {
    form.setFile(input, file);
    if (run.state !== 'done' || before) reset();
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (workflow && !form.missing) start(taskOf(workflow, form));
  };
  const keepSeed = ({ task: { workflow: of }, seed, seeds }: Done) => {
    for (const { name, kind } of of.inputs) {
      const chosen = seeds === undefined ? seed : seeds[name];
      if (kind === 'seed' && chosen !== undefined) form.setValue(of, name, String(chosen));
    }
  };

  return (
    <section class="card workbench" aria-labelledby="workbench">
      <h2 id="workbench">{isAllBuiltIn ? 'Process a picture' : 'Run a workflow'}</h2>
      {run.state === 'done' && before ? (
        <Comparison run={run} picture={before} />
      ) : (
        <FileFields inputs={form.fileInputs} fileOf={form.fileOf} onFile={take} />
      )}
      <form onSubmit={submit}>
        <WorkflowChoice workflows={workflows} chosen={workflow} onChoose={choose} />
        {workflow && (
          <ParameterFields
            workflow={workflow}
            values={form.values}
            onChange={(name, value) => form.setValue(workflow, name, value)}
          />
        )}
        {run.state === 'running' ? <Progress status={run.status} onCancel={cancel} /> : <Start form={form} />}
      </form>
      {run.state === 'failed' && (
        <p class="problem" role="alert">
          {run.message}
        </p>
      )}
      {run.state === 'done' && before && <ComparisonActions run={run} picture={before} onReset={reset} />}
      {run.state === 'done' && !before && (
        <Results key={run.status.job_id} run={run} onKeepSeed={() => keepSeed(run)} />
      )}
    </section>
  );
}

/** The button that begins, or says what is missing. */
function Start({ form: { workflow, missing, fileInputs } }: { form: Form }) {
  const needed = missing && (fileInputs.length === 1 ? aFile(missing) : titleOf(missing));
  return (
    <button type="submit" class="primary" disabled={!workflow || needed !== undefined}>
      {needed === undefined ? (workflow?.title ?? 'Start') : `Choose ${needed} first`}
    </button>
  );
}
