/** Graphs of the largest size, in shapes that cost much if each link is followed more than once. */
import { node, save } from '../graphs/nodes.js';

type Nodes = Record<string, unknown>;

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

/** An image of a sampler with this conditioning, and further nodes. */
function sampled(positive: unknown, others: Nodes): Nodes {
  return { sampler: node('KSampler', { positive, seed: 1 }), out: save(['sampler', 0]), ...others };
}

/** A chain of nodes that join the text of the next one with itself. The last one has no text. */
export function joinedTexts(length: number): Nodes {
  const joins = times(length, (n) => [
    `join-${n}`,
    node('StringConcatenate', { string_a: [`join-${n + 1}`, 0], string_b: [`join-${n + 1}`, 0] }),
  ]);
  return sampled(['encode', 0], {
    encode: node('CLIPTextEncode', { text: ['join-0', 0] }),
    ...Object.fromEntries(joins),
    [`join-${length}`]: node('LoadText', { file: 1 }),
  });
}

/** Outputs that all need a chain in which each node has many links. */
export function linkedOutputs(outputs: number, length: number, links: number): Nodes {
  const chain = times(length, (n) => {
    const inputs = times(Math.min(links, length - n - 1), (k) => [`input-${k}`, [`node-${n + k + 1}`, 0]]);
    return [`node-${n}`, node('KSampler', Object.fromEntries(inputs))];
  });
  return Object.fromEntries([...chain, ...times(outputs, (n) => [`out-${n}`, save(['node-0', 0])])]);
}

/** Samplers with many inputs that are secrets, and many values that may be changed. */
export function secretInputs(samplers: number, inputs: number, value: (n: number) => number): Nodes {
  const nodes = times(samplers, (n) => {
    const tokens = times(inputs, (k) => [`token_${k}_api_key`, ['out', 0]]);
    const values = { seed: value(n), steps: value(n), cfg: value(n) };
    return [`sampler-${n}`, node('KSampler', { ...values, ...Object.fromEntries(tokens) })];
  });
  const links = times(samplers, (n) => [`image-${n}`, [`sampler-${n}`, 0]]);
  return { ...Object.fromEntries(nodes), out: node('SaveImage', Object.fromEntries(links)) };
}

/** Names that differ, but all match the same pattern, which ignores capitals. At most 2^14. */
function capitals(word: string, n: number): string {
  return [...word].map((letter, place) => ((n >> place) & 1 ? letter.toUpperCase() : letter)).join('');
}

/** Nodes with many texts that are negative by their name. */
export function negativeTexts(nodes: number, texts: number): Nodes {
  const inputs = Object.fromEntries(
    times(texts, (k) => [capitals('negative_prompt', k), k % 256 === 0 ? 'a text' : k]),
  );
  const all = times(nodes, (n) => [
    `text-${n}`,
    node('SamplerTexts', { ...inputs, next: [`text-${n + 1}`, 0] }),
  ]);
  return sampled(['text-0', 0], { ...Object.fromEntries(all), [`text-${nodes}`]: node('Last', {}) });
}

/**
 * Nodes that are linked to one node many times, each time to another of its slots.
 * @param inputs of the one node
 */
export function manySlots(nodes: number, links: number, inputs: Nodes): Nodes {
  const all = times(nodes, (n) => {
    const ways = times(links, (k) => [capitals('conditioning_to', k), ['many', n * links + k]]);
    return [`way-${n}`, node('Ways', { ...Object.fromEntries(ways), cond: [`way-${n + 1}`, 0] })];
  });
  return sampled(['way-0', 0], {
    ...Object.fromEntries(all),
    [`way-${nodes}`]: node('Last', {}),
    many: node('Many', inputs),
  });
}

/** Nodes whose seeds are all links to one node with many inputs. */
export function linkedSeeds(nodes: number, seeds: number): Nodes {
  const own = Object.fromEntries(times(990, (k) => [`other-${k}`, k]));
  const all = times(nodes, (n) => {
    const links = times(seeds, (k) => [`seed_${k}_seed`, ['number', 0]]);
    return [`node-${n}`, node('Seeds', { ...Object.fromEntries(links), next: [`node-${n + 1}`, 0] })];
  });
  return {
    ...Object.fromEntries(all),
    [`node-${nodes}`]: node('Last', {}),
    number: node('Number', { ...own, value: 7 }),
    out: save(['node-0', 0]),
  };
}

/** A chain of conditioning, and behind it a chain of texts. */
export function longChains(length: number): Nodes {
  const ways = times(length, (n) => [
    `way-${n}`,
    node('Way', { conditioning: [n + 1 < length ? `way-${n + 1}` : 'encode', 0] }),
  ]);
  const texts = times(length, (n) => [
    `text-${n}`,
    node('Text', { text: n + 1 < length ? [`text-${n + 1}`, 0] : 'a cat' }),
  ]);
  return sampled(['way-0', 0], {
    ...Object.fromEntries([...ways, ...texts]),
    encode: node('CLIPTextEncode', { text: ['text-0', 0] }),
  });
}

/** Two chains like these in one, each of which leads back to its start through another slot. */
export function longCycles(length: number): Nodes {
  const next = (kind: string, n: number) => `${kind}-${(n + 1) % length}`;
  const ways = times(length, (n) => [
    `way-${n}`,
    node('Way', { cond: [next('way', n), 0], cond_to: [next('way', n), 1] }),
  ]);
  const texts = times(length, (n) => [
    `text-${n}`,
    node('Text', {
      text: [next('text', n), 0],
      value: [next('text', n), 1],
      ...(n === 0 && { conditioning: ['way-0', 0] }),
    }),
  ]);
  return sampled(['encode', 0], {
    ...Object.fromEntries([...ways, ...texts]),
    encode: node('CLIPTextEncode', { text: ['text-0', 0], cond: ['way-0', 0] }),
  });
}
