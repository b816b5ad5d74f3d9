import type { ServerResponse } from 'node:http';
import { pythonJson } from './pythonJson.js';

/** A response of the simulated ComfyUI. */
export interface Answer {
  readonly status: number;
  readonly json?: unknown;
  readonly text?: string;
  /** Of `text`, by default plain. */
  readonly textType?: string;
  readonly file?: { readonly bytes: Buffer; readonly type: string };
  readonly headers?: Readonly<Record<string, string>>;
}

/** Writes a response as aiohttp would: JSON, text, an image or nothing. `rewrite` can replace the body. */
export function writeAnswer(
  response: ServerResponse,
  answer: Answer,
  rewrite: (body: Buffer) => Buffer = (body) => body,
): void {
  const { type, body: whole } = contentOf(answer);
  const body = rewrite(whole);
  const length = answer.status === 304 ? {} : { 'Content-Length': body.length };
  // The length is last: after it, Node accepts only Latin-1 in Content-Disposition, which has file names.
  response.writeHead(answer.status, { ...type, ...answer.headers, ...length });
  response.end(body);
}

/** Writes a response as a broken network or proxy would. */
export function writeSpoiled(
  response: ServerResponse,
  answer: Answer,
  how: 'reset' | 'malformed' | 'half',
): void {
  const { type, body } = contentOf(answer);
  switch (how) {
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'malformed':
      writeAnswer(response, { status: answer.status, text: '{"prompt_id": nonsense' });
      return;
    case 'half':
      response.writeHead(answer.status, {
        ...type,
        ...answer.headers,
        'Content-Length': Math.max(2, body.length),
      });
      response.write(body.subarray(0, body.length / 2));
      // The first half must arrive before the connection closes.
      setTimeout(() => response.destroy(), 5);
  }
}

function contentOf(answer: Answer): { type: { 'Content-Type'?: string }; body: Buffer } {
  if (answer.file !== undefined)
    return { type: { 'Content-Type': answer.file.type }, body: answer.file.bytes };
  if (answer.json !== undefined) {
    const type = { 'Content-Type': 'application/json; charset=utf-8' };
    return { type, body: Buffer.from(pythonJson(answer.json)) };
  }
  if (answer.text === undefined) return { type: {}, body: Buffer.alloc(0) };
  const type = `${answer.textType ?? 'text/plain'}; charset=utf-8`;
  return { type: { 'Content-Type': type }, body: Buffer.from(answer.text) };
}
