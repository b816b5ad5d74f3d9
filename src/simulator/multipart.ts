/** One part of a multipart body. */
export interface Part {
  readonly name: string;
  /** Only present for a file. */
  readonly filename?: string;
  readonly bytes: Buffer;
}

/**
 * Parses a `multipart/form-data` body byte by byte: a file may contain line breaks and text that looks like the boundary.
 * @returns undefined if the body is not multipart or is incomplete
 */
export function parseMultipart(contentType = '', body: Buffer): Part[] | undefined {
  const [, quoted, token] =
    /^multipart\/form-data;.*\bboundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType) ?? [];
  const boundary = quoted ?? token;
  if (boundary === undefined) return undefined;
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  // The first delimiter may be at the very start, without a line break before it.
  const whole = Buffer.concat([Buffer.from('\r\n'), body]);
  const parts: Part[] = [];
  let found = nextDelimiter(whole, delimiter, 0);
  while (found && !found.isLast) {
    const next = nextDelimiter(whole, delimiter, found.end - 2);
    if (!next) return undefined;
    const part = partOf(whole.subarray(found.end, next.start));
    if (part) parts.push(part);
    found = next;
  }
  return found ? parts : undefined;
}

/** A delimiter ends with a line break, or with two dashes if it is the last one. */
function nextDelimiter(
  bytes: Buffer,
  delimiter: Buffer,
  from: number,
): { start: number; end: number; isLast: boolean } | undefined {
  for (let start = bytes.indexOf(delimiter, from); start >= 0; start = bytes.indexOf(delimiter, start + 1)) {
    const after = start + delimiter.length;
    const rest = /^(?:(--)|[ \t]*\r\n)/.exec(bytes.toString('latin1', after, after + 80));
    if (rest) return { start, end: after + rest[0].length, isLast: rest[1] !== undefined };
  }
  return undefined;
}

function partOf(bytes: Buffer): Part | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const headers = bytes.toString('utf8', 0, end);
  const disposition = /^content-disposition:(.*)$/im.exec(headers)?.[1] ?? '';
  const name = parameter(disposition, 'name');
  const filename = parameter(disposition, 'filename');
  if (name === undefined) return undefined;
  return { name, ...(filename === undefined ? {} : { filename }), bytes: bytes.subarray(end + 4) };
}

function parameter(disposition: string, name: string): string | undefined {
  const [, quoted, token] =
    new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, 'i').exec(disposition) ?? [];
  return quoted?.replace(/\\(.)/g, '$1') ?? token;
}
