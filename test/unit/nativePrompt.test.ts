import { describe, expect, it } from 'vitest';
import type { MachineMessage } from '../../src/services/comfyui/machineMessages.js';
import { NativePrompt } from '../../src/services/native/NativePrompt.js';
import { NOTHING_SENT } from '../../src/services/native/SentPrompt.js';
import { parseMachineJson } from '../../src/utils/machineJson.js';

const MARK = '0f8fad5b-d9cb-469f-a165-70867728950e';
const OTHER_MARK = '7c9e6679-7425-40de-944b-e07fc1f90ae7';

const newPrompt = () =>
  new NativePrompt(
    { id: 'p', jobId: 'j', clientId: 'c', owner: undefined, number: 1, createTime: 0 },
    NOTHING_SENT,
  );

/** A message as a machine writes it: with spaces on its WebSocket, without them from its history. */
function message(type: string, data: Record<string, unknown>, mark = MARK, isSpaced = true): MachineMessage {
  const compact = JSON.stringify({ type, data: { ...data, prompt_id: mark } });
  const text = isSpaced ? compact.replaceAll('":', '": ') : compact;
  const parsed = parseMachineJson(text) as { data: Record<string, unknown> };
  return { promptId: mark, type, data: parsed.data, text };
}

const output = (filename: string) => ({ images: [{ filename, subfolder: '', type: 'output' }] });
const executed = (node: string, filename: string, mark?: string, isSpaced?: boolean) =>
  message('executed', { node, display_node: node, output: output(filename) }, mark, isSpaced);

describe('a prompt of ComfyUI’s own API that two servers follow', () => {
  it('reports each output to its client once, whatever the machine’s text looks like', () => {
    const prompt = newPrompt();
    expect(prompt.hear(executed(`9-${MARK}`, 'a.png'), MARK)).toContain('"executed"');
    expect(prompt.hear(executed(`9-${MARK}`, 'a.png', MARK, false), MARK)).toBeUndefined();
    expect(prompt.hear(executed(`9-${MARK}`, 'a.png'), MARK)).toBeUndefined();
    expect(prompt.files.places()).toHaveLength(1);
  });

  it('reports other outputs, and those of other nodes', () => {
    const prompt = newPrompt();
    for (const [node, filename] of [
      ['9', 'a.png'],
      ['9', 'b.png'],
      ['9', 'a.png'],
      ['10', 'a.png'],
    ] as const) {
      expect(prompt.hear(executed(node, filename), MARK)).toContain(`${filename.slice(0, 1)}_j.png`);
    }
  });

  it('keeps the output when the machine’s start is heard late', () => {
    const prompt = newPrompt();
    expect(prompt.hear(executed('9', 'a.png', MARK, false), MARK)).toContain('"executed"');
    prompt.hear(message('execution_start', {}), MARK);
    expect(prompt.hear(executed('9', 'a.png'), MARK)).toBeUndefined();
    expect(prompt.files.places()).toHaveLength(1);
    prompt.finish({ status: 'cancelled' }, 1);
    expect(prompt.summary).toMatchObject({ count: 1, previewable: 1 });
  });

  it('reports an output again when another machine runs the prompt again', () => {
    const prompt = newPrompt();
    expect(prompt.hear(executed('9', 'a.png'), MARK)).toContain('"executed"');
    prompt.hear(message('execution_start', {}, OTHER_MARK), OTHER_MARK);
    expect(prompt.hear(executed('9', 'a.png', OTHER_MARK), OTHER_MARK)).toContain('"executed"');
  });
});
