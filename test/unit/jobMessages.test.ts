import { describe, expect, it } from 'vitest';
import {
  type MachineFrame,
  type MachineMessage,
  type MachinePreview,
  parseOtherFrame,
  parsePreview,
  previewFrame,
  previewFrameWithMetadata,
  withNodeId,
} from '../../src/services/comfyui/machineMessages.js';
import { parseFrame } from '../../src/services/comfyui/protocol.js';
import { type JobListener, JobMessages } from '../../src/services/jobs/JobMessages.js';
import { silentLogger } from '../../src/utils/logger.js';

const MIB = 1024 * 1024;
const message: MachineMessage = { promptId: 'p', type: 'executing', data: { prompt_id: 'p' }, text: '{}' };
const preview: MachinePreview = {
  promptId: 'p',
  mimeType: 'image/jpeg',
  image: Buffer.from('image'),
  metadata: undefined,
};

const frame: MachineFrame = { promptId: 'p', bytes: Buffer.from('0000000a00000001aabb', 'hex') };

/** A listener that records messages; the test sets its number of waiting bytes. */
class Recorder implements JobListener {
  waitingBytes = 0;
  readonly heard: string[] = [];

  onMessage({ type }: MachineMessage): void {
    this.heard.push(type);
  }

  onPreview(): void {
    this.heard.push('preview');
  }

  onFrame(): void {
    this.heard.push('frame');
  }

  onOverflow(): void {
    this.heard.push('overflow');
  }
}

describe('what a machine says of a job', () => {
  it('is told to those who follow the job and to nobody else', () => {
    const messages = new JobMessages(silentLogger);
    const [one, other] = [new Recorder(), new Recorder()];
    const leave = messages.follow('one', one);
    messages.follow('other', other);
    messages.of('one', 'mark').onMessage(message);
    messages.of('one', 'mark').onPreview(preview);
    messages.of('one', 'mark').onFrame(frame);
    leave();
    messages.of('one', 'mark').onMessage(message);
    messages.of('one', 'mark').onFrame(frame);
    expect(one.heard).toEqual(['executing', 'preview', 'frame']);
    expect(other.heard).toEqual([]);
    expect(messages.followed).toBe(1);
  });

  it('loses previews first for a slow listener, then everything', () => {
    const messages = new JobMessages(silentLogger);
    const [slow, quick] = [new Recorder(), new Recorder()];
    messages.follow('job', slow);
    messages.follow('job', quick);
    const machine = messages.of('job', 'mark');
    slow.waitingBytes = 2 * MIB;
    machine.onPreview(preview);
    machine.onMessage(message);
    machine.onFrame(frame);
    slow.waitingBytes = 17 * MIB;
    machine.onFrame(frame);
    machine.onMessage(message);
    machine.onFrame(frame);
    expect(slow.heard).toEqual(['executing', 'frame', 'overflow']);
    expect(quick.heard).toEqual(['preview', 'executing', 'frame', 'frame', 'executing', 'frame']);
  });

  it('goes on to the others when a listener fails', () => {
    const messages = new JobMessages(silentLogger);
    const broken = new Recorder();
    broken.onMessage = () => {
      throw new Error('broken');
    };
    const good = new Recorder();
    messages.follow('job', broken);
    messages.follow('job', good);
    messages.of('job', 'mark').onMessage(message);
    expect(good.heard).toEqual(['executing']);
  });
});

describe('a binary frame', () => {
  it('of a preview without metadata belongs to the prompt that runs', () => {
    const frame = previewFrame(preview) ?? Buffer.alloc(0);
    expect(frame.toString('hex')).toBe('0000000100000001696d616765');
    expect(parsePreview(frame, 'p')).toEqual(preview);
    expect(parsePreview(frame, undefined)).toBeUndefined();
  });

  it('of a preview with metadata says whose it is', () => {
    const metadata = { node_id: '2', prompt_id: 'q', image_type: 'image/png' };
    const frame = previewFrameWithMetadata(JSON.stringify(metadata), Buffer.from('image'));
    expect(frame.subarray(0, 8).toString('hex')).toBe('0000000400000038');
    expect(parsePreview(frame, 'p')).toEqual({
      promptId: 'q',
      mimeType: 'image/png',
      image: Buffer.from('image'),
      metadata: { data: metadata, text: JSON.stringify(metadata) },
    });
  });

  it.each([
    ['nothing', ''],
    ['less than a head', '000000'],
    ['another event', '0000000300000001696d616765'],
    ['an image format that ComfyUI does not know', '0000000100000009696d616765'],
    ['metadata that are cut off', '00000004000000ff7b7d'],
    ['metadata that are no JSON', '00000004000000026d61'],
    ['metadata that name no prompt', '00000004000000027b7d'],
  ])('of %s is no preview', (_what, hex) => {
    expect(parsePreview(Buffer.from(hex, 'hex'), 'p')).toBeUndefined();
  });

  it.each([
    ['a text', '0000000300000001696d616765'],
    ['an image in another format', '0000000100000009696d616765'],
    ['another event', '0000000a696d616765'],
  ])('of %s belongs to the prompt that runs', (_what, hex) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(parseOtherFrame(bytes, 'p')).toEqual({ promptId: 'p', bytes });
    expect(parseOtherFrame(bytes, undefined)).toBeUndefined();
  });

  it.each(['', '000000', '00000004000000027b7d', '00000004000000ff7b7d'])(
    '%j belongs to no prompt',
    (hex) => {
      expect(parseOtherFrame(Buffer.from(hex, 'hex'), 'p')).toBeUndefined();
    },
  );

  it('with a text gets another id of its node, and nothing else changes', () => {
    const rename = (id: string) => id.replace('-mark', '');
    const renamed = (hex: string) => withNodeId(Buffer.from(hex, 'hex'), rename).toString('hex');
    const [long, short] = [Buffer.from('8-mark').toString('hex'), Buffer.from('8').toString('hex')];
    expect(renamed(`0000000300000006${long}aabb`)).toBe(`0000000300000001${short}aabb`);
    // Another node, a format of a node's own, a length that is none, another event.
    for (const hex of [
      `0000000300000001${short}${long}`,
      `0000000300000000${long}`,
      `00000003ffffffff${long}`,
      '00000003',
      `0000000a00000006${long}`,
    ])
      expect(renamed(hex)).toBe(hex);
  });
});

describe('a text frame', () => {
  it.each([
    '{"type":"progress","data":{"value":12345,"max":12345}}',
    '{"type":"my-node-feedback","data":{"node":"2"}}',
    '{"type":"my-node-text","data":"words"}',
  ])('of a node that names no prompt belongs to the prompt that runs: %s', (text) => {
    expect(parseFrame(text)).toMatchObject({ kind: 'unnamed', raw: { text } });
  });

  it.each([
    '{"type":"executing","data":{"node":"2"}}',
    '{"type":"executed","data":{"node":"2","output":{}}}',
    '{"type":"execution_error","data":{}}',
    '{"type":"progress","data":{"prompt_id":null,"value":1,"max":1}}',
    '{"type":"my-node-feedback","data":{"prompt_id":7}}',
    '{"type":"feature_flags","data":{}}',
    '{"type":"logs","data":{"entries":[]}}',
    '{"type":"cm-queue-status","data":{"status":"done"}}',
    '{"type":"manager-terminal-feedback","data":"installed"}',
    '{"type":"crystools.monitor","data":{"cpu":1}}',
    '{"type":"executed","data":7}',
  ])('that a machine sends about itself, or that lacks its id, is nobody’s: %s', (text) => {
    expect(['ignored', 'malformed']).toContain(parseFrame(text).kind);
    expect(parseFrame(text)).not.toHaveProperty('raw.text');
  });

  it('keeps what the machine said as it said it, also where this server does not read it', () => {
    const text = '{"type":"of_some_node","data":{"prompt_id":"p","seed":18446744073709551615}}';
    const raw = { promptId: 'p', type: 'of_some_node', text };
    expect(parseFrame(text)).toMatchObject({ kind: 'ignored', raw });
  });

  it('about no prompt is nobody’s', () => {
    const text = '{"type":"status","data":{"status":{"exec_info":{"queue_remaining":1}}}}';
    expect(parseFrame(text)).toEqual({ kind: 'status', queueRemaining: 1 });
  });
});
