import type { CompletedStatus, MiddlewareClient } from '../client/index.js';
import { CopyButton } from './CopyButton.js';
import { copyText } from './clipboard.js';
import { Media } from './Media.js';
import { Progress } from './Progress.js';
import { Result } from './Result.js';
import { SNIPPETS } from './snippets.js';
import { useObjectUrl } from './useObjectUrl.js';
import { jobHash } from './useRoute.js';
import { isOver, pictureOf, type Task, type Work } from './work.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly work: Work;
  readonly needsKey: boolean;
  readonly back: { readonly label: string; readonly onClick: () => void };
  readonly onCancel: () => void;
  readonly onRetry: () => void;
  readonly onChange: (task: Task) => void;
  readonly onUse: (file: File) => void;
  /** Enters the randomly chosen seeds into the form. */
  readonly onKeepSeed: (status: CompletedStatus) => void;
  readonly onForget: () => void;
}

/** One job from upload to result, with its name and settings. */
export function WorkView(props: Props) {
  const { client, work, needsKey, back, onCancel, onRetry, onChange, onForget } = props;
  const { task, jobId, state } = work;
  return (
    <section class="work" aria-labelledby="work">
      <header class="row spread">
        <div class="grow">
          <h2 id="work">{work.name}</h2>
          <p class="hint">{settingsOf(work)}</p>
        </div>
        <button type="button" class="quiet flush" onClick={back.onClick}>
          {back.label}
        </button>
      </header>
      {state.kind === 'done' ? (
        <Result client={client} work={work} status={state.status} onRetry={onRetry} onUse={props.onUse} />
      ) : (
        <Unfinished work={work} />
      )}
      {(state.kind === 'sending' || state.kind === 'running') && (
        <Progress state={state} onCancel={onCancel} />
      )}
      {state.kind === 'failed' && (
        <p class="problem" role="alert">
          {state.message}
        </p>
      )}
      {state.kind === 'cancelled' && <p role="alert">Cancelled.</p>}
      {isOver(work) && (
        <div class="row more">
          {task && state.kind !== 'done' && (
            <button type="button" onClick={onRetry}>
              Try again
            </button>
          )}
          {task && (
            <button type="button" class="quiet" onClick={() => onChange(task)}>
              Change settings
            </button>
          )}
          {task && state.kind === 'done' && state.status.seed !== undefined && (
            <button type="button" class="quiet" onClick={() => props.onKeepSeed(state.status)}>
              {state.status.seeds === undefined ? `Keep the seed ${state.status.seed}` : 'Keep the seeds'}
            </button>
          )}
          {jobId && <CopyLink jobId={jobId} />}
          <button type="button" class="quiet" onClick={onForget}>
            Delete<span class="unseen"> {work.name}</span>
          </button>
          {task && (
            <fieldset class="row code">
              <legend>Copy as</legend>
              {Object.entries(SNIPPETS).map(([language, write]) => (
                <CopyButton
                  key={language}
                  label={language}
                  fullLabel={`Copy as ${language}`}
                  copy={() => copyText(write({ task, origin: location.origin, needsKey }))}
                />
              ))}
            </fieldset>
          )}
        </div>
      )}
    </section>
  );
}

/** Shows the input picture until there is a result. */
function Unfinished({ work }: { work: Work }) {
  const url = useObjectUrl(pictureOf(work));
  if (!url) return null;
  return (
    <div class="shown checkered waiting">
      <Media kind="image" url={url} label={work.name} />
    </div>
  );
}

function CopyLink({ jobId }: { jobId: string }) {
  const copy = () => copyText(new URL(jobHash(jobId), location.href).href);
  return <CopyButton label="Copy link" isQuiet copy={copy} />;
}

function settingsOf({ title, name, task }: Work): string {
  const { values = {}, format } = task ?? {};
  const settings = Object.entries(values)
    .filter(([name, value]) => name !== 'format' && value !== '' && value !== false)
    .map(([name, value]) => (value === true ? name : `${name} ${value}`));
  // Without a file, the heading is the title.
  const text = [...(name === title ? [] : [title]), ...settings, ...(format ? [format] : [])].join(' · ');
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
