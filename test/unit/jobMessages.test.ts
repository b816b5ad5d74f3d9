import { describe, expect, it } from 'vitest';
import {
  type MachineMessage,
  type MachinePreview,
  parsePreview,
  previewFrame,
  previewFrameWithMetadata,
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
    leave();
    messages.of('one', 'mark').onMessage(message);
    expect(one.heard).toEqual(['executing', 'preview']);
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
    slow.waitingBytes = 17 * MIB;
    machine.onMessage(message);
    machine.onMessage(message);
    expect(slow.heard).toEqual(['executing', 'overflow']);
    expect(quick.heard).toEqual(['preview', 'executing', 'executing', 'executing']);
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
});

describe('a text frame', () => {
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
