import { useEffect, useState } from 'preact/hooks';

interface Props {
  readonly preview: string | undefined;
  readonly name: string | undefined;
  readonly onImage: (file: File) => void;
}

/** Takes a picture: dropped, pasted or chosen. */
export function ImageField({ preview, name, onImage }: Props) {
  const [isOver, setOver] = useState(false);

  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const [file] = event.clipboardData?.files ?? [];
      if (file) onImage(file);
    };
    document.addEventListener('paste', onPaste);
    return () => document.removeEventListener('paste', onPaste);
  });

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) onImage(file);
  };
  const choose = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    const [file] = currentTarget.files ?? [];
    if (file) onImage(file);
    // The same file again is a choice too.
    currentTarget.value = '';
  };

  return (
    <label
      class={`drop checkered ${isOver ? 'over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {preview && <img src={preview} alt={name ?? 'As it is now'} />}
      <span class={preview ? 'corner' : 'invitation'}>
        {preview ? 'Another picture' : 'Drop a picture here, paste one, or choose a file'}
      </span>
      <input class="unseen" type="file" accept="image/*" onChange={choose} />
    </label>
  );
}
