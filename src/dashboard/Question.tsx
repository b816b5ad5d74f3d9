import { useEffect, useRef } from 'preact/hooks';

interface Props {
  readonly text: string;
  /** Label of the button that confirms. */
  readonly action: string;
  readonly onYes: () => void;
  readonly onNo: () => void;
}

/** Asks for confirmation of an action that affects others or cannot be undone. */
export function Question({ text, action, onYes, onNo }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onCancel={onNo} aria-label={action}>
      <p>{text}</p>
      <div class="row end">
        <button type="button" onClick={onNo}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={onYes}>
          {action}
        </button>
      </div>
    </dialog>
  );
}
