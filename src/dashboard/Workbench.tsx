import { useEffect, useState } from 'preact/hooks';
import type { MiddlewareClient, SubmitOptions, WorkflowDescription } from '../client/index.js';
import { Compare } from './Compare.js';
import { ImageField } from './ImageField.js';
import { ParameterFields, type Values } from './ParameterFields.js';
import { Progress } from './Progress.js';
import { type Run, useJob } from './useJob.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly workflows: readonly WorkflowDescription[];
}

/** From a picture to a better one. */
export function Workbench({ client, workflows }: Props) {
  const [image, setImage] = useState<File>();
  const [type, setType] = useState<string>();
  const [values, setValues] = useState<Values>({});
  const { run, start, cancel, reset } = useJob(client);
  const workflow = workflows.find((one) => one.type === type) ?? workflows[0];
  const before = useObjectUrl(image);

  const take = (file: File) => {
    reset();
    setImage(file);
  };
  const choose = (chosen: string) => {
    setType(chosen);
    setValues({});
  };
  // Two fields may change before the page is drawn again.
  const change = (name: string, value: Values[string]) =>
    setValues((before) => ({ ...before, [name]: value }));
  const submit = (event: Event) => {
    event.preventDefault();
    if (!image || !workflow) return;
    const { format = 'PNG', ...parameters } = values;
    start(workflow.type, image, { parameters, format: format as NonNullable<SubmitOptions['format']> });
  };

  return (
    <section class="card workbench" aria-labelledby="workbench">
      <h2 id="workbench">Process a picture</h2>
      {run.state === 'done' && before ? (
        <Compare before={before} after={run.url} />
      ) : (
        <ImageField preview={before} name={image?.name} onImage={take} />
      )}
      <form onSubmit={submit}>
        <fieldset class="choices">
          <legend>What to do</legend>
          {workflows.map((one) => (
            <label key={one.type} class="choice">
              <input
                type="radio"
                name="workflow"
                checked={one === workflow}
                onChange={() => choose(one.type)}
              />
              <span>
                <strong>{one.title}</strong>
                <span class="hint">{one.description}</span>
                {one.instances.some(({ can_run }) => can_run) ? null : (
                  <span class="problem">No instance can run it at present.</span>
                )}
              </span>
            </label>
          ))}
        </fieldset>
        {workflow && <ParameterFields workflow={workflow} values={values} onChange={change} />}
        {run.state === 'running' ? (
          <Progress status={run.status} onCancel={cancel} />
        ) : (
          <button type="submit" class="primary" disabled={!image || !workflow}>
            {image ? (workflow?.title ?? 'Start') : 'Choose a picture first'}
          </button>
        )}
      </form>
      {run.state === 'failed' && (
        <p class="problem" role="alert">
          {run.message}
        </p>
      )}
      {run.state === 'done' && image && workflow && (
        <Result run={run} workflow={workflow} values={values} image={image} onReset={reset} />
      )}
    </section>
  );
}

interface ResultProps {
  readonly run: Run & { state: 'done' };
  readonly workflow: WorkflowDescription;
  readonly values: Values;
  readonly image: File;
  readonly onReset: () => void;
}

function Result({ run, workflow, values, image, onReset }: ResultProps) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(curlOf(workflow, values, image.name));
    setCopied(true);
  };
  const ending = run.image.type.split('/')[1] ?? 'png';
  return (
    <>
      <p role="status">
        Done in {run.status.processing_time_seconds.toFixed(2)} s, {Math.ceil(run.image.size / 1024)} KB.
      </p>
      <div class="row">
        <a
          class="button primary"
          href={run.url}
          download={`${image.name.replace(/\.\w+$/, '')}-${workflow.type}.${ending}`}
        >
          Download
        </a>
        <button type="button" onClick={() => void copy()}>
          {isCopied ? 'Copied' : 'Copy as curl'}
        </button>
        <button type="button" onClick={onReset}>
          Back to the picture
        </button>
      </div>
    </>
  );
}

/** The same over the command line. The key, if there is one, is not written into it. */
function curlOf(workflow: WorkflowDescription, values: Values, name: string): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const fields = Object.entries(values).map(([key, value]) => ` -F ${quoted(`${key}=${value}`)}`);
  return `curl -H 'Accept: image/*' -F ${quoted(`imageFile=@${name}`)}${fields.join('')} -o result ${location.origin}${workflow.url}`;
}

/** An address for a file, for as long as it is shown. */
function useObjectUrl(file: File | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!file) return;
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return file && url;
}
