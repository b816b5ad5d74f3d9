import type { TextChunk } from './pngText.js';

/** The content of a video file, for both formats. */
export interface VideoTrack {
  /** Complete images in the codec of the format. */
  readonly frames: readonly Buffer[];
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** Text in the file about how it was made. */
  readonly comment: string;
  /** The prompt, and more about it. */
  readonly texts: readonly TextChunk[];
}

/** A WebM file of VP8 frames (RFC 9559; frames as in RFC 6386, the same as in lossy WebP files). Browsers can play it. */
export function webm({ frames, width, height, framesPerSecond, comment, texts }: VideoTrack): Buffer {
  const frameMs = 1000 / framesPerSecond;
  const header = element(
    0x1a45dfa3,
    element(0x4286, number(1)),
    element(0x42f7, number(1)),
    element(0x42f2, number(4)),
    element(0x42f3, number(8)),
    element(0x4282, Buffer.from('webm')),
    element(0x4287, number(2)),
    element(0x4285, number(2)),
  );
  const info = element(
    0x1549a966,
    // Times are in milliseconds.
    element(0x2ad7b1, number(1_000_000)),
    element(0x4489, double(frames.length * frameMs)),
    element(0x4d80, Buffer.from('simulator')),
    element(0x5741, Buffer.from('simulator')),
  );
  const video = element(0xe0, element(0xb0, number(width)), element(0xba, number(height)));
  const track = element(
    0xae,
    element(0xd7, number(1)),
    element(0x73c5, number(1)),
    element(0x83, number(1)),
    element(0x86, Buffer.from('V_VP8')),
    element(0x23e383, number(Math.round(frameMs * 1_000_000))),
    video,
  );
  const named = [{ keyword: 'comment', text: comment }, ...texts].map(({ keyword, text }) => {
    // ffmpeg writes names in capitals.
    const name = element(0x45a3, Buffer.from(keyword.toUpperCase()));
    return element(0x67c8, name, element(0x4487, Buffer.from(text)));
  });
  const tags = element(0x1254c367, element(0x7373, element(0x63c0), ...named));
  const clusters = frames.map((frame, n) => {
    // Track 1, no time offset to the cluster, a keyframe.
    const block = element(0xa3, Buffer.from([0x81, 0, 0, 0x80]), frame);
    return element(0x1f43b675, element(0xe7, number(Math.round(n * frameMs))), block);
  });
  return Buffer.concat([header, element(0x18538067, info, element(0x1654ae6b, track), tags, ...clusters)]);
}

/** The VP8 frame of a lossy WebP file without transparency. */
export function vp8FrameOf(webp: Buffer): Buffer {
  const at = webp.indexOf('VP8 ', 12, 'latin1');
  if (at < 0) throw new Error('This is no lossy WebP file.');
  return webp.subarray(at + 8, at + 8 + webp.readUInt32LE(at + 4));
}

/** An EBML element: its id, its length in eight bytes, its content. */
function element(id: number, ...content: readonly Buffer[]): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(content.reduce((sum, part) => sum + part.length, 0)));
  length[0] = 1;
  return Buffer.concat([Buffer.from(id.toString(16).padStart(2, '0'), 'hex'), length, ...content]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}
