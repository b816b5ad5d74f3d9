/** The outputs of a prompt, as ComfyUI's list of jobs counts and shows them. */
import { isJsonObject, type Json, NumberText } from '../../utils/losslessJson.js';

type Outputs = ReadonlyMap<string, Json>;
type Item = ReadonlyMap<string, Json>;

interface OutputsSummary {
  /** Number of files and other objects; texts do not count. */
  readonly count: number;
  /** Number of those that ComfyUI's page can show. */
  readonly previewable: number;
  /** The output that represents the prompt. */
  readonly preview: Json | undefined;
}

/** Keys of outputs that ComfyUI's page shows, whatever their files are. */
const SHOWN_KEYS: ReadonlySet<string> = new Set(['images', 'video', 'audio', '3d', 'text']);
/** A key with flags instead of outputs. */
const FLAGS_KEY = 'animated';
const MODEL_FILE = /\.(obj|fbx|gltf|glb|usdz)$/i;
const TEXT_FILE = /\.(txt|md|json)$/i;
/** Maximum length of a text in a preview, in characters. */
const MAX_TEXT = 1024;
/** What represents a prompt best comes first. */
const RANKS = ['saved', 'temporary', 'text file', 'text'] as const;

type Rank = (typeof RANKS)[number];

/** Counts the outputs and chooses the one that represents the prompt. */
export function summaryOf(outputs: Outputs): OutputsSummary {
  let [count, previewable] = [0, 0];
  const first = new Map<Rank, Json>();
  const suggest = (rank: Rank, nodeId: string, key: string, preview: Item) => {
    if (first.has(rank)) return;
    const mediaType = preview.get('mediaType') ?? key;
    first.set(rank, new Map([...preview, ['nodeId', nodeId], ['mediaType', mediaType]]));
  };
  for (const { nodeId, key, item } of itemsOf(outputs)) {
    if (!isJsonObject(item)) {
      const text = key === 'text' ? textOf(item) : undefined;
      if (text !== undefined) suggest('text', nodeId, key, textPreview(text));
      continue;
    }
    count += 1;
    if (!isPreviewable(key, item)) continue;
    previewable += 1;
    suggest(rankOf(key, item), nodeId, key, item);
  }
  const preview = RANKS.map((rank) => first.get(rank)).find((one) => one !== undefined);
  return { count, previewable, preview };
}

/** Returns the outputs as the details of a job show them: names of 3D models as files, and without empty items. */
export function detailedOutputs(outputs: Outputs): Outputs {
  const detailed = ([key, items]: [string, Json]): [string, Json] => [
    key,
    isList(key, items) ? filesIn(items) : items,
  ];
  return new Map(
    [...outputs].map(([nodeId, output]) => [
      nodeId,
      isJsonObject(output) ? new Map([...output].map(detailed)) : output,
    ]),
  );
}

function* itemsOf(outputs: Outputs): Generator<{ nodeId: string; key: string; item: Json }> {
  for (const [nodeId, output] of outputs) {
    for (const [key, items] of isJsonObject(output) ? output : []) {
      for (const item of isList(key, items) ? filesIn(items) : []) yield { nodeId, key, item };
    }
  }
}

function isList(key: string, items: Json): items is readonly Json[] {
  return key !== FLAGS_KEY && Array.isArray(items);
}

/** Nodes for 3D models report only the name of the file. */
function filesIn(items: readonly Json[]): Json[] {
  const file = (item: Json): Json =>
    typeof item === 'string' && MODEL_FILE.test(item)
      ? new Map(Object.entries({ filename: item, type: 'output', subfolder: '', mediaType: '3d' }))
      : item;
  return items.filter((item) => item !== null).map(file);
}

function isPreviewable(key: string, item: Item): boolean {
  const name = stringIn(item, 'filename');
  return (
    SHOWN_KEYS.has(key) ||
    /^(video|audio)\//.test(stringIn(item, 'format')) ||
    MODEL_FILE.test(name) ||
    TEXT_FILE.test(name)
  );
}

function rankOf(key: string, item: Item): Rank {
  if (key === 'text' || TEXT_FILE.test(stringIn(item, 'filename'))) return 'text file';
  return item.get('type') === 'output' ? 'saved' : 'temporary';
}

function stringIn(item: Item, name: string): string {
  const value = item.get(name);
  return typeof value === 'string' ? value : '';
}

/** Returns the text of an item; some nodes put it in a list. */
function textOf(item: Json): string | undefined {
  const value = Array.isArray(item) ? (item[0] as Json | undefined) : item;
  if (value instanceof NumberText) return value.text;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function textPreview(text: string): Item {
  // Enough to find the first characters, however long the text is.
  const characters = [...text.slice(0, 2 * MAX_TEXT + 2)];
  if (characters.length <= MAX_TEXT) return new Map([['content', text]]);
  return new Map<string, Json>([
    ['content', characters.slice(0, MAX_TEXT).join('')],
    ['truncated', true],
  ]);
}
