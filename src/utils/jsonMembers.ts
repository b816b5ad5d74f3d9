/**
 * The members of a JSON object as text, without parsing their values: a twentieth of the time of `parseJson` for the megabytes in
 * which a machine describes its nodes (`npm run bench -- --only scale`). Only the structure is checked: strings and brackets.
 * The last one of repeated keys wins.
 * @throws SyntaxError for anything but one object
 */
export function jsonMembers(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = next(text, 0, '{') + 1;
  if (text[skipSpace(text, at)] === '}') return atEnd(text, skipSpace(text, at) + 1, members);
  for (;;) {
    const key = next(text, at, '"');
    const keyEnd = endOfString(text, key);
    const start = skipSpace(text, next(text, keyEnd, ':') + 1);
    const end = endOfValue(text, start);
    members.set(String(JSON.parse(text.slice(key, keyEnd))), text.slice(start, end));
    at = skipSpace(text, end);
    if (text[at] === '}') return atEnd(text, at + 1, members);
    at = next(text, at, ',') + 1;
  }
}

/** The text of one member. */
export function memberText(name: string, text: string): string {
  return `${JSON.stringify(name)}:${text}`;
}

function atEnd<T>(text: string, at: number, result: T): T {
  if (skipSpace(text, at) < text.length) throw unexpected(text, skipSpace(text, at));
  return result;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  return at;
}

/** The position of `char`, which is the next one apart from white space. */
function next(text: string, from: number, char: string): number {
  const at = skipSpace(text, from);
  if (text[at] !== char) throw unexpected(text, at);
  return at;
}

/** The position behind a string. @param start position of the opening quotation mark @throws SyntaxError if it has no end */
export function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = at;
    while (text[escapes - 1] === '\\') escapes -= 1;
    if ((at - escapes) % 2 === 0) return at + 1;
  }
  throw unexpected(text, text.length);
}

function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  if (first !== '{' && first !== '[') {
    const end = start + (/^[-+.\w]*/.exec(text.slice(start, start + MAX_PLAIN))?.[0].length ?? 0);
    if (end === start) throw unexpected(text, start);
    return end;
  }
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at) - 1;
        break;
      case BRACE:
      case BRACKET:
        depth += 1;
        break;
      case BRACE_END:
      case BRACKET_END:
        depth -= 1;
        if (depth === 0) return at + 1;
    }
  }
  throw unexpected(text, text.length);
}

/** Python refuses longer numbers. */
const MAX_PLAIN = 4400;

const [QUOTE, BRACE, BRACKET, BRACE_END, BRACKET_END] = [0x22, 0x7b, 0x5b, 0x7d, 0x5d];

function unexpected(text: string, at: number): SyntaxError {
  const char = text[at];
  return new SyntaxError(`Unexpected ${char === undefined ? 'end' : JSON.stringify(char)} at position ${at}`);
}
