/**
 * Walks an image file's own structure, without decoding a pixel: its size, whether it has transparency or EXIF
 * data, and whether it runs to its end. Formats: PNG (ISO/IEC 15948), JPEG (ITU-T T.81), WebP (RFC 9649).
 */
/** Reads the structure of a file whose type is known from its first bytes; undefined when it has no size at all. */
export function readStructure(bytes, type) {
    switch (type) {
        case 'image/png':
            return readPng(bytes);
        case 'image/jpeg':
            return readJpeg(bytes);
        case 'image/webp':
            return readWebp(bytes);
    }
}
/** The first bytes of every PNG. */
export const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const PNG_SIGNATURE_LENGTH = PNG_SIGNATURE.length;
function readPng(bytes) {
    const header = PNG_SIGNATURE_LENGTH + 8;
    if (bytes.length < header + 13 || bytes.toString('latin1', 12, 16) !== 'IHDR')
        return undefined;
    const width = bytes.readUInt32BE(header);
    const height = bytes.readUInt32BE(header + 4);
    const colourType = bytes.readUInt8(header + 9);
    const chunks = new Set();
    let problem;
    for (let at = PNG_SIGNATURE_LENGTH; !chunks.has('IEND');) {
        if (at + 12 > bytes.length) {
            problem = 'the PNG ends before its IEND chunk';
            break;
        }
        const length = bytes.readUInt32BE(at);
        chunks.add(bytes.toString('latin1', at + 4, at + 8));
        at += 12 + length;
        if (at > bytes.length) {
            problem = 'the PNG ends in the middle of a chunk';
            break;
        }
    }
    if (!problem && !chunks.has('IDAT'))
        problem = 'the PNG has no image data';
    return {
        width,
        height,
        // Colour types 4 and 6 carry alpha; any other may name transparent colours in tRNS.
        hasAlpha: colourType === 4 || colourType === 6 || chunks.has('tRNS'),
        hasExif: chunks.has('eXIf'),
        problem,
    };
}
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const APP1 = 0xe1;
const TEM = 0x01;
const hasNoLength = (marker) => marker === SOI || marker === TEM || isRestart(marker);
const isRestart = (marker) => marker >= 0xd0 && marker <= 0xd7;
/** SOF0..SOF15 carry the size; C4, C8 and CC are tables that share their range. */
const isFrame = (marker) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
function readJpeg(bytes) {
    let size;
    let hasExif = false;
    const problem = walkJpeg(bytes, (marker, data, length) => {
        if (isFrame(marker) && length >= 8) {
            size = { height: bytes.readUInt16BE(data + 1), width: bytes.readUInt16BE(data + 3) };
        }
        hasExif ||= marker === APP1 && bytes.toString('latin1', data, data + 4) === 'Exif';
    });
    return size && { ...size, hasAlpha: false, hasExif, problem };
}
/**
 * Calls `onSegment` for every segment with a length: its marker, where its data begins, and its length.
 * @returns why the file does not run to its end marker, or undefined when it does
 */
function walkJpeg(bytes, onSegment) {
    let at = 2;
    while (at + 2 <= bytes.length) {
        if (bytes[at] !== 0xff)
            return 'the JPEG has bytes where a marker belongs';
        const marker = bytes.readUInt8(at + 1);
        if (marker === EOI)
            return undefined;
        // A marker may be preceded by any number of fill bytes.
        at += marker === 0xff ? 1 : 2;
        if (marker === 0xff || hasNoLength(marker))
            continue;
        const length = at + 2 <= bytes.length ? bytes.readUInt16BE(at) : 0;
        const end = at + length;
        if (length < 2 || end > bytes.length)
            break;
        onSegment(marker, at + 2, length);
        at = marker === SOS ? endOfScan(bytes, end) : end;
    }
    return 'the JPEG ends before its end marker';
}
/** Entropy-coded data runs to the next marker that is neither a stuffed byte (FF 00) nor a restart. */
function endOfScan(bytes, from) {
    for (let at = bytes.indexOf(0xff, from); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
        const next = bytes[at + 1];
        if (next === undefined)
            break;
        if (next !== 0 && next !== 0xff && !isRestart(next))
            return at;
    }
    return bytes.length;
}
const RIFF_HEADER_LENGTH = 12;
const VP8X_ALPHA = 0x10;
const VP8X_EXIF = 0x08;
function readWebp(bytes) {
    if (bytes.length < RIFF_HEADER_LENGTH + 18)
        return undefined;
    const end = 8 + bytes.readUInt32LE(4);
    let problem = end > bytes.length ? 'the WebP ends before its declared length' : undefined;
    let hasImage = false;
    for (let at = RIFF_HEADER_LENGTH; at + 8 <= Math.min(end, bytes.length);) {
        const name = bytes.toString('latin1', at, at + 4);
        hasImage ||= ['VP8 ', 'VP8L', 'ANMF'].includes(name);
        const length = bytes.readUInt32LE(at + 4);
        at += 8 + length + (length % 2);
        // Some writers leave out the last chunk's padding byte.
        if (at > end + 1)
            problem ??= 'the WebP ends in the middle of a chunk';
    }
    if (!hasImage)
        problem ??= 'the WebP has no image data';
    const header = webpHeader(bytes, RIFF_HEADER_LENGTH + 8);
    return header && { ...header, problem };
}
function webpHeader(bytes, data) {
    switch (bytes.toString('latin1', 12, 16)) {
        case 'VP8X': {
            const flags = bytes.readUInt8(data);
            return {
                width: 1 + bytes.readUIntLE(data + 4, 3),
                height: 1 + bytes.readUIntLE(data + 7, 3),
                hasAlpha: (flags & VP8X_ALPHA) !== 0,
                hasExif: (flags & VP8X_EXIF) !== 0,
            };
        }
        case 'VP8L': {
            const bits = bytes.readUInt32LE(data + 1);
            return {
                width: 1 + (bits & 0x3fff),
                height: 1 + ((bits >>> 14) & 0x3fff),
                hasAlpha: (bits & 0x10000000) !== 0,
                hasExif: false,
            };
        }
        case 'VP8 ':
            return {
                width: bytes.readUInt16LE(data + 6) & 0x3fff,
                height: bytes.readUInt16LE(data + 8) & 0x3fff,
                hasAlpha: false,
                hasExif: false,
            };
        default:
            return undefined;
    }
}
//# sourceMappingURL=structure.js.map