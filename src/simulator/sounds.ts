import { createHash } from 'node:crypto';
import type { Sound } from './flac.js';
import { NodeException } from './NodeException.js';

const TONE_RATE = 8000;
const TONE_SECONDS = 0.5;

/** Signatures of the supported formats: FLAC, Ogg, MP3 with and without a tag, MP4 and WebM; hexadecimal. */
const SIGNATURES = [/^664c6143/, /^4f676753/, /^494433/, /^ff[ef]/, /^.{8}66747970/, /^1a45dfa3/];

/**
 * The sound of a file: that of a 16-bit WAV file; for other formats, which are not decoded here, a tone that depends on every
 * byte.
 * @throws NodeException if the file is no sound
 */
export function soundOf(bytes: Buffer): Sound {
  const wave = waveSound(bytes);
  if (wave) return wave;
  if (SIGNATURES.some((signature) => signature.test(bytes.toString('hex', 0, 12)))) return toneOf(bytes);
  const message = '[Errno 1094995529] Invalid data found when processing input\n';
  throw new NodeException('av.error.InvalidDataError', message);
}

/** The first channel of a 16-bit WAV file. */
function waveSound(bytes: Buffer): Sound | undefined {
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE')
    return undefined;
  let format: { channels: number; sampleRate: number } | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    const content = bytes.subarray(at + 8, at + 8 + length);
    const id = bytes.toString('latin1', at, at + 4);
    if (id === 'fmt ' && content.length >= 16 && content.readUInt16LE(14) === 16) {
      format = { channels: content.readUInt16LE(2), sampleRate: content.readUInt32LE(4) };
    }
    if (id === 'data' && format) return samplesOf(content, format);
    at += 8 + length + (length % 2);
  }
  return undefined;
}

function samplesOf(data: Buffer, { channels, sampleRate }: { channels: number; sampleRate: number }): Sound {
  const stride = 2 * Math.max(1, channels);
  const count = Math.floor(data.length / stride);
  return { samples: Int16Array.from({ length: count }, (_, n) => data.readInt16LE(n * stride)), sampleRate };
}

function toneOf(bytes: Buffer): Sound {
  const hertz = 200 + createHash('sha256').update(bytes).digest().readUInt16BE(0) / 40;
  const sample = (_: unknown, n: number) =>
    Math.round(10_000 * Math.sin((2 * Math.PI * hertz * n) / TONE_RATE));
  return { samples: Int16Array.from({ length: TONE_RATE * TONE_SECONDS }, sample), sampleRate: TONE_RATE };
}
