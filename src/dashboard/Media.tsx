import { useState } from 'preact/hooks';

interface Props {
  /** The first part of the media type; other kinds are not shown. */
  readonly kind: string;
  readonly url: string;
  /** Text for screen readers. */
  readonly label: string;
}

/** An image, or a player for video or audio. */
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
        // biome-ignore lint/a11y/useMediaCaption: there are no captions for files of users and results of workflows
        <video src={url} aria-label={label} controls loop playsInline onError={onError} />
      );
    case 'audio':
      // biome-ignore lint/a11y/useMediaCaption: there are no captions for files of users and results of workflows
      return <audio src={url} aria-label={label} controls onError={onError} />;
    default:
      return <p class="name">{label}</p>;
  }
}
