import { useEffect, useState } from 'preact/hooks';

/** How long the button shows whether copying worked, ms. */
const TOLD_MS = 2000;

interface Props {
  readonly label: string;
  /** Accessible name, if the label alone is not clear. */
  readonly fullLabel?: string;
  readonly isQuiet?: boolean;
  /** @returns whether it worked */
  readonly copy: () => Promise<boolean>;
}

/** A button that copies something and shows whether that worked. */
export function CopyButton({ label, fullLabel = label, isQuiet = false, copy }: Props) {
  const [told, setTold] = useState<string>();
  useEffect(() => {
    if (told === undefined) return;
    const timer = setTimeout(() => setTold(undefined), TOLD_MS);
    return () => clearTimeout(timer);
  }, [told]);
  const onClick = async () => setTold((await copy()) ? 'Copied' : 'Blocked by the browser');
  return (
    <button
      type="button"
      class={isQuiet ? 'quiet' : ''}
      aria-label={told === undefined ? fullLabel : undefined}
      onClick={() => void onClick()}
    >
      {told ?? label}
      <span class="unseen" role="status">
        {told}
      </span>
    </button>
  );
}
