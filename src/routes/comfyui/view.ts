import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { lookup } from 'mime-types';
import { AppError } from '../../errors.js';
import { clientOf } from '../../middleware/authentication.js';
import { breakOff } from '../../middleware/breakOff.js';
import { hangUpSignal } from '../../middleware/upload.js';
import type { ResponseHead } from '../../services/comfyui/HttpTransport.js';
import { type ImageView, imageView, viewKey } from '../../services/images/imageView.js';
import { HEAD_BYTES, requirePicture } from '../../services/images/requirePicture.js';
import type { Ask, FileVersion, FoundFile } from '../../services/native/FoundFile.js';
import type { FilePlace } from '../../services/native/filePlace.js';
import { type Content, headOf, partOf, type StoredFile } from '../../utils/StoredFile.js';
import { findFile, fromMachine, fromStore, gathered, noSuchFile, wholeFile } from './foundFiles.js';
import type { NativeContext } from './NativeEndpoint.js';

/** Files that a browser would execute are sent as downloads, as ComfyUI does: by their type, since many extensions have these. */
const ACTIVE = /html|[/+]xml|javascript|ecmascript|css|xslt/;

/** Clients may keep a file, but must ask before they use it again: a name can get other bytes. */
const CACHING = { 'Cache-Control': 'private, no-cache' };

/** Headers of a machine that describe a file, or a part of it. */
const PASSED_BACK = ['Content-Length', 'Content-Range', 'Accept-Ranges', 'ETag', 'Last-Modified'];
/** Headers of a client with conditions. */
const PASSED_ON = ['If-None-Match', 'If-Modified-Since', 'If-Range'];

/**
 * Responds to `GET /view`: with a file, with a part of it (`Range`), or with the picture in the form that `preview` and `channel`
 * request.
 * @throws AppError of `findFile`, of `wholeFile` and of `viewImage`, or `RANGE_NOT_SATISFIABLE`
 */
export async function sendView(
  request: Request,
  response: Response,
  context: NativeContext,
  place: FilePlace,
): Promise<void> {
  const file = await findFile(context, place, response);
  const view = imageView(first(request.query['preview']), first(request.query['channel']));
  setHeaders(response, place, view);
  if (view) await sendImage(request, response, context, { file, view });
  else if ('content' in file) await sendOwn(request, response, context, file.content, file.version);
  else if ('ask' in file) await fromMachine(context, () => sendPart(request, response, file.ask));
  else {
    const { maxResultBytes } = context.config.machines;
    const send = async (body: Readable, sizeBytes?: number) => {
      const bytes =
        sizeBytes === undefined
          ? await gathered(body, maxResultBytes)
          : openFile(body, sizeBytes, file.version);
      await sendOwn(request, response, context, bytes, file.version);
    };
    await fromMachine(context, () => file.read(send));
  }
}

/** A file that can be opened once: a machine is sending it. */
function openFile(body: Readable, sizeBytes: number, { id }: FileVersion): StoredFile {
  return { key: id, sizeBytes, open: async (range) => Readable.from(partOf(body, range)) };
}

function setHeaders(response: Response, { filename }: FilePlace, view: ImageView | undefined): void {
  // Like ComfyUI: the name itself, in UTF-8, which Node sends if it is written as Latin-1.
  const name = Buffer.from(filename.replace(/["\\\p{Cc}]/gu, '_')).toString('latin1');
  const type = lookup(filename) || 'application/octet-stream';
  const isActive = !view && ACTIVE.test(type);
  response.set(CACHING);
  response.set('Content-Disposition', `${isActive ? 'attachment; ' : ''}filename="${name}"`);
  if (view) response.type(view.format);
  else response.type(isActive ? 'application/octet-stream' : type);
}

async function sendImage(
  request: Request,
  response: Response,
  context: NativeContext,
  { file, view }: { file: FoundFile; view: ImageView },
): Promise<void> {
  if ('version' in file) response.set('ETag', `"${file.version.id}-${viewKey(view)}"`);
  if (request.fresh) {
    response.removeHeader('Content-Type');
    response.status(304).end();
    return;
  }
  const load = async () => {
    // A video is not loaded.
    const content = 'content' in file ? file.content : undefined;
    if (content && !Buffer.isBuffer(content)) {
      await requirePicture(await fromStore(() => headOf(content, HEAD_BYTES)));
    }
    return wholeFile(context, file, context.config.machines.maxResultBytes);
  };
  const sender = { client: clientOf(response), signal: hangUpSignal(response) };
  response.send(await context.native.images.view(load, view, file.maxPixels, sender));
}

function sendOwn(
  request: Request,
  response: Response,
  { sender }: NativeContext,
  bytes: Content,
  { id, modifiedAt }: FileVersion,
): Promise<void> {
  return sender.file(request, response, {
    bytes,
    etag: `"${id}"`,
    modifiedAt,
    headers: {},
    gone: noSuchFile,
  });
}

/** Sends a file, or a part of it, as the machine sends it. */
async function sendPart(request: Request, response: Response, ask: Ask): Promise<void> {
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
  const conditions = headersOf(request, PASSED_ON);
  const range = method === 'GET' ? oneRange(request) : {};
  const wasSent = await ask({ method, headers: { ...conditions, ...range } }, async (body, head) => {
    if (!isPartOfKnown(request, head)) return false;
    await passBack(response, body, head);
    return true;
  });
  if (wasSent) return;
  // The client has a part of another version: it gets all of this one.
  await ask({ method, headers: conditions }, (body, head) => passBack(response, body, head));
}

/** aiohttp ignores an `ETag` in `If-Range`. Returns whether a part is of the version of which the client has the rest. */
function isPartOfKnown(request: Request, { status, headers }: ResponseHead): boolean {
  const known = request.get('If-Range');
  if (known === undefined || !known.includes('"') || (status !== 206 && status !== 416)) return true;
  return headers['etag'] === known;
}

async function passBack(
  response: Response,
  body: Readable,
  { status, headers }: ResponseHead,
): Promise<void> {
  for (const name of PASSED_BACK) {
    const value = headers[name.toLowerCase()];
    if (value !== undefined) response.set(name, value);
  }
  if (status === 416) throw new AppError('RANGE_NOT_SATISFIABLE', 'The file has no such range.');
  response.status(status);
  if (status === 304) response.removeHeader('Content-Type');
  try {
    await pipeline(body, response);
  } catch (error) {
    if (!response.headersSent) throw error;
    breakOff(response);
  }
}

/** Returns the header with one range of bytes. Any other range is ignored, as by this server itself. */
function oneRange(request: Request): Readonly<Record<string, string>> {
  const range = request.get('Range');
  return range !== undefined && /^bytes=\d*-\d*$/.test(range) ? { Range: range } : {};
}

function headersOf(request: Request, names: readonly string[]): Readonly<Record<string, string>> {
  const present = names.flatMap((name) => {
    const value = request.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(present);
}

/** Returns the first value of a query parameter. */
function first(value: unknown): string | undefined {
  const one: unknown = Array.isArray(value) ? value[0] : value;
  return typeof one === 'string' ? one : undefined;
}
