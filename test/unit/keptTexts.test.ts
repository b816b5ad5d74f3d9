/** Parts of large texts that are kept when the texts are gone. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { parseDataUri } from '../../src/services/assets/dataUri.js';
import { historyErrors, parseFrame, systemStats } from '../../src/services/comfyui/protocol.js';
import { isJsonObject, type Json, NumberText, parseJson } from '../../src/utils/losslessJson.js';
import { PYTHON_LIMITS, parseDeepMachineJson } from '../../src/utils/machineJson.js';
import { ownText } from '../../src/utils/ownText.js';
import { PackedJson, packEntries } from '../../src/utils/PackedJson.js';
import { readGraph } from '../../src/workflows/files/readGraph.js';
import { requirementsOf } from '../../src/workflows/files/requirements.js';
import { needsOf } from '../../src/workflows/graphNeeds.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const MB = 1_000_000;
const TIMES = 6;
const TEXT_MB = 4;

/** Characters that are in no other text. */
const large = (n: number) => `text ${n} `.repeat((TEXT_MB * MB) / 7);
/** In one piece, as it arrives. */
const received = (value: unknown) => Buffer.from(JSON.stringify(value)).toString();

function parsed(value: unknown): ReadonlyMap<string, Json> {
  const json = parseJson(received(value), { maxDepth: 20 });
  if (!isJsonObject(json)) throw new Error('no object');
  return json;
}

function messageOf(frame: string): unknown {
  const found = parseFrame(frame);
  if (found.kind !== 'message' || found.message.type !== 'execution_error') throw new Error(found.kind);
  return found.message.data.exception_message;
}

const failure = (n: number) => ({ prompt_id: 'p', exception_message: `It failed. ${large(n)}` });

/** What is kept of a text of `TEXT_MB`. */
const KEPT: Readonly<Record<string, (n: number) => unknown>> = {
  'a value in JSON': (n) =>
    parsed({ prompt_id: `00000000-0000-4000-8000-00000000000${n}`, text: large(n) }).get('prompt_id'),
  'a value with escapes': (n) =>
    parsed({ metadata: `order ${n} of a customer\nwith several lines`, text: large(n) }).get('metadata'),
  'a key': (n) => [...parsed({ [`extra_pnginfo_${n}`]: 1, text: large(n) }).keys()],
  'the keys of what is packed': (n) => packEntries(parsed({ extra_pnginfo: large(n) })),
  'what is nested too deep': (n) => {
    const deep = '['.repeat(1500) + ']'.repeat(1500);
    const found = parseDeepMachineJson(`{"text":"${large(n)}","deep":${deep}}`, PYTHON_LIMITS, 1);
    return isJsonObject(found) ? new PackedJson(found.get('deep') ?? null) : undefined;
  },
  'the digits of a number': (n) => {
    const seed = parseJson(`{"seed":1844674407370955161${n},"text":"${large(n)}"}`, { maxDepth: 20 });
    const found = isJsonObject(seed) ? seed.get('seed') : undefined;
    expect(found).toBeInstanceOf(NumberText);
    return found;
  },
  'the needs of a graph': (n) => {
    const inputs = { text: large(n) };
    return needsOf(requirementsOf(readGraph(parsed({ '1': { class_type: `SomeNodeOfAPack${n}`, inputs } }))));
  },
  'the start of an error on a machine': (n) =>
    messageOf(received({ type: 'execution_error', data: failure(n) })),
  'the start of an error in the history': (n) =>
    historyErrors({
      outputs: {},
      meta: {},
      status: { status_str: 'error', messages: [['execution_error', failure(n)]] },
    }),
  'the start of the version of a machine': (n) =>
    systemStats.parse({ system: { comfyui_version: large(n) } }),
  'the type of a data URI': (n) => {
    const uri = parseDataUri(
      `data:image/svg+xml;base64,${Buffer.from(large(n)).toString('base64')}`,
      10 * MB,
    );
    return 'mimeType' in uri ? uri.mimeType : undefined;
  },
};

function usedBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

it.each(Object.entries(KEPT))('%s does not keep the whole', (_what, keep) => {
  keep(0);
  const before = usedBytes();
  const kept = Array.from({ length: TIMES }, (_, n) => keep(n));
  // One of them may still be the last subject of an expression.
  expect(usedBytes() - before).toBeLessThan(2 * TEXT_MB * MB);
  expect(kept.every((one) => one !== undefined)).toBe(true);
});

it.each([
  '',
  'a',
  'twelve chars',
  'more than thirteen characters',
  'Größe 画像 🎨 '.repeat(20),
  `${'x'.repeat(20)}\ud83d`,
])('a copy is the same text: %j', (text) => {
  expect(ownText(text)).toBe(text);
});
