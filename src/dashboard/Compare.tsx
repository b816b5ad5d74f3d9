import { useRef, useState } from 'preact/hooks';
import type { OutputFile } from '../client/index.js';
import { type Size, sizeWords } from './figures.js';
import { usePan } from './usePan.js';

interface Props {
  readonly before: string;
  readonly after: string;
  /** Position of a cropped result in the original image. */
  readonly crop: OutputFile['crop'];
  readonly afterSize: Size | undefined;
}

/** Step of the arrow keys, percent. */
const STEP = 2;

/** Shows the image before and after with a divider to drag, also at original size. */
export function Compare({ before, after, crop, afterSize }: Props) {
  const [share, setShare] = useState(50);
  const [isFull, setFull] = useState(false);
  const [beforeSize, setBeforeSize] = useState<Size>();
  const frame = useRef<HTMLDivElement>(null);
  const viewer = useRef<HTMLElement>(null);
  usePan(viewer, isFull);

  // A cropped result is shown at its original position.
  const whole = crop
    ? { width: crop.original_width, height: crop.original_height }
    : (afterSize ?? beforeSize);
  const place =
    crop && whole && afterSize
      ? {
          left: percent(crop.left / whole.width),
          top: percent(crop.top / whole.height),
          width: percent(afterSize.width / whole.width),
          height: percent(afterSize.height / whole.height),
        }
      : { left: '0', top: '0', width: '100%', height: '100%' };

  const drag = (event: PointerEvent) => {
    const box = frame.current?.getBoundingClientRect();
    if (!box || event.buttons !== 1) return;
    setShare(Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width)));
  };
  const start = (event: PointerEvent) => {
    if (event.currentTarget instanceof Element) event.currentTarget.setPointerCapture(event.pointerId);
    drag(event);
  };
  // If the whole image is visible, the user drags anywhere on it, otherwise only by the handle.
  const onPicture = isFull ? {} : { onPointerDown: start, onPointerMove: drag };
  const onHandle = isFull ? { onPointerDown: start, onPointerMove: drag } : {};

  return (
    <figure class="compare">
      <section
        ref={viewer}
        class={`viewer ${isFull ? 'full' : ''}`}
        aria-label="Result"
        tabIndex={isFull ? 0 : -1}
      >
        <div ref={frame} class="frame checkered" style={frameStyle(whole, isFull)} {...onPicture}>
          <img class="after" src={after} alt="After" draggable={false} style={place} />
          <img
            class="before"
            src={before}
            alt="Before"
            draggable={false}
            style={{ clipPath: `inset(0 ${100 - share}% 0 0)` }}
            onLoad={({ currentTarget }) =>
              setBeforeSize({ width: currentTarget.naturalWidth, height: currentTarget.naturalHeight })
            }
          />
          <div class="divider" style={{ left: `${share}%` }} {...onHandle}>
            <span />
          </div>
        </div>
      </section>
      <figcaption class="row spread">
        <span class="hint">Before{beforeSize && `, ${sizeWords(beforeSize)}`}</span>
        <input
          type="range"
          min={0}
          max={100}
          step={STEP}
          value={share}
          aria-label="Position of the divider between before and after, in percent"
          onInput={({ currentTarget }) => setShare(currentTarget.valueAsNumber)}
        />
        <span class="hint">After{afterSize && `, ${sizeWords(afterSize)}`}</span>
        <button type="button" aria-pressed={isFull} onClick={() => setFull(!isFull)}>
          Actual size
        </button>
      </figcaption>
    </figure>
  );
}

const percent = (share: number) => `${100 * share}%`;

/** Fits the image into the available space, or shows it at original size. */
function frameStyle(size: Size | undefined, isFull: boolean): Record<string, string> {
  if (!size) return {};
  const { width, height } = size;
  return {
    aspectRatio: `${width} / ${height}`,
    width: isFull ? `${width}px` : `min(100%, calc(var(--stage-height) * ${width / height}))`,
  };
}
