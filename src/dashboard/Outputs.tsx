import { useState } from 'preact/hooks';
import { bytesWords } from './figures.js';
import { Media } from './Media.js';
import type { Shown } from './useOutputs.js';

type Group = readonly [Shown, ...Shown[]];

/** All outputs of a job, by output name. */
export function Outputs({ shown }: { shown: readonly Shown[] }) {
  const groups = groupsOf(shown);
  return (
    <div class="outputs">
      {groups.map((group) => (
        <section key={group[0].output.name} aria-label={group[0].output.name}>
          {groups.length > 1 && <h3>{group[0].output.name}</h3>}
          {group[0].output.kind === 'image' ? (
            <Pictures pictures={group} />
          ) : (
            group.map((one) => <Other key={one.url} shown={one} />)
          )}
        </section>
      ))}
    </div>
  );
}

/** One large image, and thumbnails if there are several. */
function Pictures({ pictures }: { pictures: Group }) {
  const [index, setIndex] = useState(0);
  const picture = pictures[index] ?? pictures[0];
  const count = pictures.length;
  return (
    <figure>
      <div class="shown checkered">
        <Media
          kind="image"
          url={picture.url}
          label={count > 1 ? `Picture ${index + 1} of ${count}` : 'Result'}
        />
      </div>
      {count > 1 && (
        <div class="row">
          {pictures.map(({ url }, n) => (
            <button
              key={url}
              type="button"
              class="thumbnail checkered"
              aria-pressed={n === index}
              onClick={() => setIndex(n)}
            >
              <img src={url} alt={`Show number ${n + 1}`} />
            </button>
          ))}
        </div>
      )}
      <Saving shown={picture} />
    </figure>
  );
}

/** A player for video and audio, or text; other files can only be saved. */
function Other({ shown }: { shown: Shown }) {
  const { output, url, text } = shown;
  const isPlayed = output.kind === 'video' || output.kind === 'audio';
  return (
    <figure>
      {isPlayed && (
        <div class="shown">
          <Media kind={output.kind} url={url} label={output.filename} />
        </div>
      )}
      {text !== undefined && <p class="text">{text}</p>}
      <Saving shown={shown} />
    </figure>
  );
}

function Saving({ shown: { output, url, blob } }: { shown: Shown }) {
  const { filename, width, height } = output;
  const facts = [filename, width && height ? `${width} × ${height}` : '', bytesWords(blob.size)];
  return (
    <figcaption class="row spread hint">
      <span class="grow">{facts.filter(Boolean).join(', ')}</span>
      <a class="button primary" href={url} download={filename}>
        Download<span class="unseen"> {filename}</span>
      </a>
    </figcaption>
  );
}

/** Groups outputs of the same name and kind, in their order. */
function groupsOf(shown: readonly Shown[]): Group[] {
  const groups = new Map<string, [Shown, ...Shown[]]>();
  for (const one of shown) {
    const key = `${one.output.kind} ${one.output.name}`;
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return [...groups.values()];
}
