/**
 * A machine's unchanged messages about a prompt, for listeners besides the prompt's follower. Source of the binary formats:
 * ComfyUI's `protocol.py` and `server.py`.
 */

import { parseMachineJson } from '../../utils/machineJson.js';

/** A text frame. */
export interface MachineMessage {
  /** The machine's id of the prompt. The frame itself may lack it: then this is the prompt that was running. */
  readonly promptId: string;
  readonly type: string;
  /** The frame's `data`, parsed by `parseMachineJson`; empty if it is no object. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The whole frame, with all digits of its numbers. */
  readonly text: string;
}

/** An image message: a preview, or an image that a node sends without writing a file. */
export interface MachinePreview {
  /** The machine's id of the prompt. */
  readonly promptId: string;
  /** Such as `image/jpeg`. */
  readonly mimeType: string;
  readonly image: Buffer;
  /** Undefined if the message has none. */
  readonly metadata: PreviewMetadata | undefined;
}

/** An image message's metadata, such as `node_id`. */
interface PreviewMetadata {
  readonly data: Readonly<Record<string, unknown>>;
  /** As the machine wrote it. */
  readonly text: string;
}

/** Any other binary frame, such as a text about a node, or a result in a format that only the client knows. */
export interface MachineFrame {
  /** The machine's id of the prompt that was running. */
  readonly promptId: string;
  /** The whole frame. */
  readonly bytes: Buffer;
}

/** Receives a machine's messages about a prompt. */
export interface MachineListener {
  onMessage(message: MachineMessage): void;
  onPreview(preview: MachinePreview): void;
  onFrame(frame: MachineFrame): void;
}

/** Event types of binary frames. */
const PREVIEW = 1;
const TEXT = 3;
const PREVIEW_WITH_METADATA = 4;
/** Bytes of a number, such as the type. */
const NUMBER_BYTES = 4;
/** Bytes of the type and of the following number. */
const HEAD_BYTES = 2 * NUMBER_BYTES;
/** The JSON of a preview has about 200 bytes. */
const MAX_METADATA_BYTES = 64 * 1024;

/** Image formats of previews without metadata, by ComfyUI's numbers. */
const FORMATS: ReadonlyMap<number, string> = new Map([
  [1, 'image/jpeg'],
  [2, 'image/png'],
]);

/** The first message on a socket: requests previews that name their prompt. Older servers ignore it. */
export const FEATURE_FLAGS = JSON.stringify({
  type: 'feature_flags',
  data: { supports_preview_metadata: true },
});

/**
 * Whether an image may be lost, because another one follows: a preview of a sampler, which is a JPEG. Nodes that send their
 * results over the socket send PNG.
 */
export function isReplaceable({ mimeType }: MachinePreview): boolean {
  return mimeType === 'image/jpeg';
}

/**
 * Parses a binary frame. The image is not copied. Never throws.
 * @param running the running prompt, to which a preview without metadata belongs
 * @returns undefined for anything but a preview of a prompt
 */
export function parsePreview(frame: Buffer, running: string | undefined): MachinePreview | undefined {
  if (frame.length < HEAD_BYTES) return undefined;
  const number = frame.readUInt32BE(NUMBER_BYTES);
  switch (frame.readUInt32BE(0)) {
    case PREVIEW: {
      const mimeType = FORMATS.get(number);
      if (running === undefined || mimeType === undefined) return undefined;
      return { promptId: running, mimeType, image: frame.subarray(HEAD_BYTES), metadata: undefined };
    }
    case PREVIEW_WITH_METADATA:
      return withMetadata(frame, number);
    default:
      return undefined;
  }
}

/**
 * Returns a binary frame that is no preview. @param running the running prompt, to which the frame belongs
 * @returns undefined for frames that name their prompt themselves, and for what is no frame of ComfyUI
 */
export function parseOtherFrame(frame: Buffer, running: string | undefined): MachineFrame | undefined {
  const isNamed = frame.length < NUMBER_BYTES || frame.readUInt32BE(0) === PREVIEW_WITH_METADATA;
  return running === undefined || isNamed ? undefined : { promptId: running, bytes: frame };
}

/**
 * Returns the frame with another id of the node that it is about. Frames with a text have one, as ComfyUI sends them; all others,
 * and those of nodes with a format of their own, are returned unchanged.
 */
export function withNodeId(frame: Buffer, rename: (id: string) => string): Buffer {
  if (frame.length < HEAD_BYTES || frame.readUInt32BE(0) !== TEXT) return frame;
  const end = HEAD_BYTES + frame.readUInt32BE(NUMBER_BYTES);
  if (end > frame.length) return frame;
  const id = frame.toString('utf8', HEAD_BYTES, end);
  const renamed = rename(id);
  if (renamed === id) return frame;
  const bytes = Buffer.from(renamed);
  return Buffer.concat([head(TEXT, bytes.length), bytes, frame.subarray(end)]);
}

function withMetadata(frame: Buffer, length: number): MachinePreview | undefined {
  if (length > MAX_METADATA_BYTES || HEAD_BYTES + length > frame.length) return undefined;
  const text = frame.toString('utf8', HEAD_BYTES, HEAD_BYTES + length);
  const data = objectOf(text);
  const promptId = data?.['prompt_id'];
  const mimeType = data?.['image_type'];
  if (!data || typeof promptId !== 'string' || typeof mimeType !== 'string') return undefined;
  return { promptId, mimeType, image: frame.subarray(HEAD_BYTES + length), metadata: { data, text } };
}

/** The frame of a preview without metadata; undefined for an image type that such a frame does not support. */
export function previewFrame({ mimeType, image }: MachinePreview): Buffer | undefined {
  const format = [...FORMATS].find(([, type]) => type === mimeType)?.[0];
  return format === undefined ? undefined : Buffer.concat([head(PREVIEW, format), image]);
}

/** The frame of a preview with metadata. @param metadata as JSON */
export function previewFrameWithMetadata(metadata: string, image: Buffer): Buffer {
  const json = Buffer.from(metadata);
  return Buffer.concat([head(PREVIEW_WITH_METADATA, json.length), json, image]);
}

function head(type: number, number: number): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES);
  bytes.writeUInt32BE(type, 0);
  bytes.writeUInt32BE(number, NUMBER_BYTES);
  return bytes;
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = parseMachineJson(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
