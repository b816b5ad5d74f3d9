import type { IncomingHttpHeaders } from 'node:http';
import { extname } from 'node:path';
import type { Answer } from './answers.js';

/** A file in one of ComfyUI's folders. */
interface ServedFile {
  readonly name: string;
  readonly bytes: Buffer;
  /** Epoch ms. */
  readonly modifiedAt: number;
}

/**
 * Returns the response of aiohttp's `FileResponse` (`web_fileresponse.py`): with `ETag` and `Last-Modified`, conditional requests, and
 * one range of bytes. Several ranges are not satisfiable. An `ETag` in `If-Range` counts as no condition.
 */
export function fileAnswer({ name, bytes, modifiedAt }: ServedFile, asked: IncomingHttpHeaders): Answer {
  const own = {
    ETag: `"${Math.round(modifiedAt * 1000).toString(16)}-${bytes.length.toString(16)}"`,
    // Rounded up, so that a client that sends it back has the newest file.
    'Last-Modified': new Date(Math.ceil(modifiedAt / 1000) * 1000).toUTCString(),
  };
  const type = TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream';
  const named = dispositionOf(name);
  if (isUnchanged(asked, own.ETag, modifiedAt)) return { status: 304, headers: { ...named, ...own } };
  const unless = dateOf(asked['if-range']);
  const isPartWanted = asked.range !== undefined && (unless === undefined || modifiedAt <= unless);
  const headers = { ...named, ...own, 'Accept-Ranges': 'bytes' };
  if (!isPartWanted) return { status: 200, file: { bytes, type }, headers };
  const range = rangeIn(asked.range ?? '', bytes.length);
  if (!range) return { status: 416, headers: { ...named, 'Content-Range': `bytes */${bytes.length}` } };
  const { start, end } = range;
  return {
    status: 206,
    file: { bytes: bytes.subarray(start, end), type },
    headers: { ...headers, 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` },
  };
}

/** The header of every file that ComfyUI sends. Python writes it as UTF-8, Node as Latin-1. */
export function dispositionOf(name: string): Readonly<Record<string, string>> {
  return { 'Content-Disposition': `filename="${Buffer.from(name).toString('latin1')}"` };
}

/** MIME types as Python's `mimetypes` guesses them. ComfyUI sends pages, scripts and styles as `application/octet-stream`. */
const TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.flac': 'audio/x-flac',
  '.txt': 'text/plain',
};

function isUnchanged(asked: IncomingHttpHeaders, etag: string, modifiedAt: number): boolean {
  const known = asked['if-none-match'];
  if (known !== undefined) return known === '*' || known.includes(etag);
  const since = dateOf(asked['if-modified-since']);
  return since !== undefined && modifiedAt <= since;
}

/** @returns epoch ms; undefined for anything but a date */
function dateOf(text: string | string[] | undefined): number | undefined {
  const date = typeof text === 'string' && /^\w{3}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}

/** @returns the first byte, and the one after the last; undefined for a range that is not satisfiable */
function rangeIn(text: string, size: number): { start: number; end: number } | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(text) ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') return size === 0 ? undefined : { start: Math.max(0, size - Number(last)), end: size };
  const start = Number(first);
  const end = last === '' ? size : Number(last) + 1;
  return start >= end || start >= size ? undefined : { start, end: Math.min(end, size) };
}
