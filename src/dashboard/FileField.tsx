import { useState } from 'preact/hooks';
import { droppedFiles } from './droppedFiles.js';
import { type FileInput, titleOf } from './inputs.js';
import { Media } from './Media.js';
import { Picked } from './Picked.js';
import { useObjectUrl } from './useObjectUrl.js';

interface Props {
  readonly input: FileInput;
  /** The only field: it needs no name and accepts many files. */
  readonly isAlone: boolean;
  readonly files: readonly File[];
  /** What files the server accepts. */
  readonly hint: string | undefined;
  /** File types for the file dialog. */
  readonly accept: string | undefined;
  readonly onFiles: (files: readonly File[], isMore?: boolean) => void;
  readonly onRemove: (file: File) => void;
}

/** Accepts files by drag and drop or a file dialog, or a folder of files. */
export function FileField({ input, isAlone, files, hint, accept, onFiles, onRemove }: Props) {
  const [isOver, setOver] = useState(false);
  const [file] = files;
  const isMany = files.length > 1;
  const preview = useObjectUrl(isMany ? undefined : file);
  const give = (given: readonly File[], isMore = isMany) => {
    if (given.length > 0) onFiles(isAlone ? given : given.slice(0, 1), isAlone && isMore);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void droppedFiles(event.dataTransfer).then(give);
  };
  const choose = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    give([...(currentTarget.files ?? [])]);
    // Allows choosing the same file again.
    currentTarget.value = '';
  };

  return (
    <div class="file">
      <label
        class={`drop ${preview || isMany ? 'filled' : ''} ${isAlone ? '' : 'small'} ${isOver ? 'over' : ''}`}
        title={input.description}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        {file && preview && (
          <span class="checkered preview">
            <Media kind={input.kind} url={preview} label={file.name} />
          </span>
        )}
        <Invitation input={input} isAlone={isAlone} count={files.length} hint={hint} />
        <input class="unseen" type="file" accept={accept} multiple={isAlone} onChange={choose} />
      </label>
      {isMany && <Picked files={files} onRemove={onRemove} />}
      {isAlone && (
        <div class="row hint flush">
          <button type="button" class="quiet folder" onClick={() => chooseFolder(give)}>
            Choose a folder
          </button>
          {isMany && (
            <button type="button" class="quiet" onClick={() => files.forEach(onRemove)}>
              Remove all
            </button>
          )}
        </div>
      )}
      {file && !input.required && (
        <button type="button" class="quiet" onClick={() => onRemove(file)}>
          Remove {titleOf(input).toLowerCase()}
        </button>
      )}
    </div>
  );
}

/** The text in the field: what it is for, or that more files can be added. */
function Invitation({
  input,
  isAlone,
  count,
  hint,
}: Pick<Props, 'input' | 'isAlone' | 'hint'> & { readonly count: number }) {
  const title = isAlone ? undefined : <strong>{titleOf(input)}</strong>;
  if (count > 1) return <span class="corner">Add more {WORDS[input.kind]}s: drop, paste or choose them</span>;
  if (count === 1) {
    return (
      <span class="corner">
        {title} {isAlone ? `Choose other ${WORDS[input.kind]}s` : `Choose another ${WORDS[input.kind]}`}
      </span>
    );
  }
  return (
    <span class="invitation">
      <svg viewBox="0 0 24 24" width="40" height="40" aria-hidden="true">
        <path d="M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3" />
      </svg>
      {title}
      <span class="words">{invitationOf(input, isAlone)}</span>
      {isAlone && hint !== undefined && <span class="hint">{hint}</span>}
    </span>
  );
}

const WORDS = { image: 'picture', mask: 'mask', video: 'video', audio: 'sound', file: 'file' } as const;

/** A word for a file of this kind, with its article. */
export function aFile({ kind }: FileInput): string {
  return `a ${WORDS[kind]}`;
}

function invitationOf(input: FileInput, isAlone: boolean): string {
  if (isAlone && input.required) return `Drop ${WORDS[input.kind]}s here, paste them, or click to choose`;
  return `${input.required ? 'Drop' : 'Optional: drop'} ${aFile(input)}, or click to choose`;
}

/** Created on demand: a second field in the page would be one more tab stop. */
function chooseFolder(give: (files: readonly File[]) => void): void {
  const field = document.createElement('input');
  field.type = 'file';
  field.webkitdirectory = true;
  field.addEventListener('change', () => give([...(field.files ?? [])]));
  field.click();
}
