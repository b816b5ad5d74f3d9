/** Sound of one channel, 16 bits a sample. */
export interface Sound {
  readonly samples: Int16Array;
  readonly sampleRate: number;
}

const BLOCK = 4096;

/** A FLAC file (RFC 9639) that packs nothing but what stays the same. Browsers play it. */
export function flac({ samples, sampleRate }: Sound): Buffer {
  const info = Buffer.alloc(34);
  info.writeUInt16BE(BLOCK, 0);
  info.writeUInt16BE(BLOCK, 2);
  // 20 bits of sample rate, 3 of channels less 1, 5 of bits a sample less 1, 36 of the number of samples.
  info.writeBigUInt64BE((BigInt(sampleRate) << 44n) | (15n << 36n) | BigInt(samples.length), 10);
  // The last metadata block, of type 0.
  const parts: Buffer[] = [Buffer.from('fLaC'), Buffer.from([0x80, 0, 0, info.length]), info];
  for (let at = 0; at < samples.length; at += BLOCK) {
    parts.push(frame(samples.subarray(at, at + BLOCK), at));
  }
  return Buffer.concat(parts);
}

/** @param at which of all samples is the first one */
function frame(samples: Int16Array, at: number): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(samples.length - 1);
  // Named by its first sample, with its length below, at the file's sample rate; one channel, 16 bits. A frame that is
  // named by its number has no time for browsers when it is the last one.
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

/** A number of up to 36 bits in the way of UTF-8. */
function coded(number: number): Buffer {
  if (number < 0x80) return Buffer.from([number]);
  const rest: number[] = [];
  let left = number;
  // The first byte has room for one bit less with each byte that follows.
  while (left >= 2 ** (6 - rest.length)) {
    rest.unshift(0x80 | (left % 64));
    left = Math.floor(left / 64);
  }
  return Buffer.from([((0xff00 >> (rest.length + 1)) & 0xff) | left, ...rest]);
}

/** A CRC of 8 or 16 bits that begins with 0. */
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
