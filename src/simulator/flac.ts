import type { TextChunk } from './pngText.js';

/** Mono sound with 16 bits per sample. */
export interface Sound {
  readonly samples: Int16Array;
  readonly sampleRate: number;
}

const BLOCK = 4096;

/**
 * Encodes a FLAC file (RFC 9639) that compresses only constant blocks. Browsers can play it.
 * @param texts about the file
 */
export function flac({ samples, sampleRate }: Sound, texts: readonly TextChunk[]): Buffer {
  const info = Buffer.alloc(34);
  info.writeUInt16BE(BLOCK, 0);
  info.writeUInt16BE(BLOCK, 2);
  // 20 bits of sample rate, 3 of channels minus 1, 5 of bits per sample minus 1, 36 of the number of samples.
  info.writeBigUInt64BE((BigInt(sampleRate) << 44n) | (15n << 36n) | BigInt(samples.length), 10);
  const comments = commentsOf(texts);
  const commentsHead = Buffer.from([0x84, 0, 0, 0]);
  commentsHead.writeUIntBE(comments.length, 1, 3);
  // Two metadata blocks: type 0, and type 4, which is the last one.
  const parts: Buffer[] = [
    Buffer.from('fLaC'),
    Buffer.from([0, 0, 0, info.length]),
    info,
    commentsHead,
    comments,
  ];
  for (let at = 0; at < samples.length; at += BLOCK) {
    parts.push(frame(samples.subarray(at, at + BLOCK), at));
  }
  return Buffer.concat(parts);
}

/** Vorbis comments: the name of the encoder, then `name=text`, each with its length in four bytes, little endian. */
function commentsOf(texts: readonly TextChunk[]): Buffer {
  const entries = texts.map(({ keyword, text }) => withLength(`${keyword}=${text}`));
  const count = Buffer.alloc(4);
  count.writeUInt32LE(entries.length);
  return Buffer.concat([withLength('simulator'), count, ...entries]);
}

function withLength(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

/** @param at index of the block's first sample */
function frame(samples: Int16Array, at: number): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(samples.length - 1);
  // The header has the number of the first sample, and the length at its end; sample rate of the file, mono, 16 bits. With frame
  // numbers instead, browsers assume no time for the last frame.
  const start = Buffer.from([0xff, 0xf9, 0x70, 0x08]);
  const header = Buffer.concat([start, coded(at), size]);
  const isConstant = samples.every((sample) => sample === samples[0]);
  const told = isConstant ? samples.subarray(0, 1) : samples;
  const content = Buffer.alloc(1 + 2 * told.length);
  content[0] = isConstant ? 0 : 2;
  for (const [n, sample] of told.entries()) content.writeInt16BE(sample, 1 + 2 * n);
  const whole = Buffer.concat([header, Buffer.from([checksum(header, 8, 0x07)]), content]);
  const end = Buffer.alloc(2);
  end.writeUInt16BE(checksum(whole, 16, 0x8005));
  return Buffer.concat([whole, end]);
}

/** A number of up to 36 bits, encoded like UTF-8. */
function coded(number: number): Buffer {
  if (number < 0x80) return Buffer.from([number]);
  const rest: number[] = [];
  let left = number;
  // Each additional byte leaves one bit less in the first byte.
  while (left >= 2 ** (6 - rest.length)) {
    rest.unshift(0x80 | (left % 64));
    left = Math.floor(left / 64);
  }
  return Buffer.from([((0xff00 >> (rest.length + 1)) & 0xff) | left, ...rest]);
}

/** A CRC of 8 or 16 bits with initial value 0. */
function checksum(bytes: Buffer, bits: 8 | 16, polynomial: number): number {
  const highest = 1 << (bits - 1);
  const all = (1 << bits) - 1;
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << (bits - 8);
    for (let n = 0; n < 8; n += 1) crc = (crc & highest ? (crc << 1) ^ polynomial : crc << 1) & all;
  }
  return crc;
}
