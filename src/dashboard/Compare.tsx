import { useEffect, useRef, useState } from 'preact/hooks';

/** Before and after in one place, with a slider between them. */
export function Compare({ before, after }: { before: string; after: string }) {
  const [share, setShare] = useState(50);
  const top = useRef<HTMLImageElement>(null);
  // As a property of the element: the page's policy allows no style in its HTML.
  useEffect(() => {
    if (top.current) top.current.style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  }, [share]);
  return (
    <figure class="compare">
      <div class="checkered pictures">
        <img src={after} alt="After" />
        <img ref={top} class="before" src={before} alt="Before" />
      </div>
      <input
        type="range"
        min={0}
        max={100}
        value={share}
        aria-label="How much of the picture is shown as it was before, in percent"
        onInput={({ currentTarget }) => setShare(currentTarget.valueAsNumber)}
      />
      <figcaption class="row spread hint">
        <span>Before</span>
        <span>After</span>
      </figcaption>
    </figure>
  );
}
