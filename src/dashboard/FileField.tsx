import { useState } from 'preact/hooks';
import { acceptedBy, type FileInput, titleOf } from './inputs.js';
import { Media } from './Media.js';
import { useObjectUrl } from './useObjectUrl.js';

interface Props {
  readonly input: FileInput;
  /** It is the only one, and needs no name. */
  readonly isAlone: boolean;
  readonly file: File | undefined;
  readonly onFile: (file: File | undefined) => void;
}

/** Takes a file: dropped or chosen. */
export function FileField({ input, isAlone, file, onFile }: Props) {
  const [isOver, setOver] = useState(false);
  const preview = useObjectUrl(file);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const [dropped] = event.dataTransfer?.files ?? [];
    if (dropped) onFile(dropped);
  };
  const choose = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    const [chosen] = currentTarget.files ?? [];
    if (chosen) onFile(chosen);
    // The same file again is a choice too.
    currentTarget.value = '';
  };
  const title = isAlone ? undefined : titleOf(input);

  return (
    <div class="file">
      <label
        class={`drop checkered ${isAlone ? '' : 'small'} ${isOver ? 'over' : ''}`}
        title={input.description}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        {file && preview && <Media kind={input.kind} url={preview} label={file.name} />}
        <span class={preview ? 'corner' : 'invitation'}>
          {title && <strong>{title}</strong>} {preview ? anotherOf(input) : invitationOf(input, isAlone)}
        </span>
        <input class="unseen" type="file" accept={acceptedBy(input)} onChange={choose} />
      </label>
      {file && !input.required && (
        <button type="button" onClick={() => onFile(undefined)}>
          Leave out {titleOf(input).toLowerCase()}
        </button>
      )}
    </div>
  );
}

const WORDS = { image: 'picture', mask: 'mask', video: 'video', audio: 'sound', file: 'file' } as const;

/** What people call a file of this kind, with its article. */
export function aFile({ kind }: FileInput): string {
  return `a ${WORDS[kind]}`;
}

function anotherOf({ kind }: FileInput): string {
  return `Another ${WORDS[kind]}`;
}

function invitationOf(input: FileInput, isAlone: boolean): string {
  if (isAlone && input.required) return `Drop ${aFile(input)} here, paste one, or choose a file`;
  return `${input.required ? 'Drop' : 'If you like: drop'} ${aFile(input)}, or choose one`;
}
