import { useState } from 'preact/hooks';

interface Props {
  /** The first part of its type; anything else than these is not shown. */
  readonly kind: string;
  readonly url: string;
  /** What somebody hears who does not see it. */
  readonly label: string;
}

/** A picture, or a player for video or sound. */
export function Media({ kind, url, label }: Props) {
  const [broken, setBroken] = useState<string>();
  const onError = () => setBroken(url);
  if (broken === url) return <p class="hint">This browser cannot show {label}.</p>;
  switch (kind) {
    case 'image':
    case 'mask':
      return <img src={url} alt={label} onError={onError} />;
    case 'video':
      return (
        // biome-ignore lint/a11y/useMediaCaption: nobody has captions for what a user sent or a workflow made
        <video src={url} aria-label={label} controls loop playsInline onError={onError} />
      );
    case 'audio':
      // biome-ignore lint/a11y/useMediaCaption: nobody has captions for what a user sent or a workflow made
      return <audio src={url} aria-label={label} controls onError={onError} />;
    default:
      return <p class="name">{label}</p>;
  }
}
