import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { ownerOf } from '../../middleware/authentication.js';
import { unreadableJson } from '../../middleware/parseJsonBody.js';
import { receiveJson } from '../../middleware/receiveJson.js';
import { receiveUpload, sentParameters, takeUpload } from '../../middleware/upload.js';
import { comfyAsset, comfyFromHashBody, comfyUploadFields } from '../../schemas/comfy.js';
import { invalidParameter, parseParameters } from '../../schemas/parse.js';
import { withoutEmpty } from '../../services/submissions/parameterKinds.js';
import { isJsonObject, type Json, plainJson } from '../../utils/losslessJson.js';
import { ownText } from '../../utils/ownText.js';
import { comfyAssetView, comfyOutputAsset } from '../../views/comfyViews.js';
import type { FileInput } from '../../workflows/types.js';
import { bodyLimits, uploadPace } from '../bodyLimits.js';
import { type Endpoint, type RouteContext, TAGS } from '../Endpoint.js';
import { idOf } from '../ownJob.js';
import { assetOf, sendContent } from './assetContent.js';
import { baseUrlOf, viewContextOf } from './comfyJobs.js';

const FILE: FileInput = { name: 'file', kind: 'file', required: true };
const MAX_BODY_BYTES = 64 * 1024;
const JSON_LIMITS = { maxDepth: 8, maxValues: 10_000 };
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,63}\/[\w!#$&^.+-]{1,63}$/;

const assetPath = z.object({ id: z.string().meta({ description: 'Id of the asset.' }) });
const hashPath = z.object({ hash: z.string().meta({ description: '`blake3:` and 64 hexadecimal digits.' }) });
const rangeHeader = z.object({
  Range: z.string().optional().meta({ description: 'Such as `bytes=0-1023`.' }),
});

/** Files that clients upload, and outputs of their jobs. */
export const comfyAssetEndpoints: readonly Endpoint[] = [
  {
    id: 'comfy_upload_asset',
    method: 'post',
    path: '/api/v2/assets',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'Uploads a file, which graphs and inputs can then refer to.',
    access: 'key',
    request: {
      body: {
        'multipart/form-data': comfyUploadFields.extend({
          file: z.string().meta({ format: 'binary', description: 'The file.' }),
        }),
      },
    },
    responses: {
      200: { description: 'A new asset with bytes that its owner had uploaded before.', schema: comfyAsset },
      201: { description: 'An asset with new bytes.', schema: comfyAsset },
    },
    errors: [400, 408, 409, 413, 415, 429, 503],
    handler: (context) => [receiveFile(context), (request, response) => upload(request, response, context)],
  },
  {
    id: 'comfy_asset_from_hash',
    method: 'post',
    path: '/api/v2/assets/from-hash',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'Creates an asset from bytes that the caller has uploaded before.',
    access: 'key',
    request: { body: { 'application/json': comfyFromHashBody } },
    responses: {
      200: { description: 'The same asset as before.', schema: comfyAsset },
      201: { description: 'A new asset.', schema: comfyAsset },
    },
    errors: [400, 404, 408, 413, 415, 429, 503],
    handler: (context) => {
      const limits = bodyLimits(context, MAX_BODY_BYTES);
      return async (request, response) => {
        const json = await receiveJson(request, response, limits, JSON_LIMITS);
        const body = parseParameters(comfyFromHashBody, valuesOf(json));
        const { asset, isNew } = await context.services.clientAssets.addKnown(hashFrom(body.hash) ?? '', {
          filePath: body.file_path,
          owner: ownerOf(response),
          lifetimeMs: msOf(body.expires_in),
        });
        const view = comfyAssetView(asset, baseUrlOf(request, context), false);
        response.status(isNew ? 201 : 200).json(view);
      };
    },
  },
  {
    id: 'comfy_asset_by_hash',
    method: 'head',
    path: '/api/v2/assets/by-hash/{hash}',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'Whether the caller has uploaded these bytes before.',
    access: 'key',
    request: { path: hashPath },
    responses: { 200: { description: 'The server has such a file.' } },
    errors: [404],
    handler:
      ({ services: { clientAssets } }) =>
      async (request, response) => {
        const hash = hashFrom(String(request.params['hash']));
        if (hash === undefined || !(await clientAssets.has(ownerOf(response), hash))) {
          throw new AppError('BLOB_NOT_FOUND', 'Your key has not uploaded a file with this hash.');
        }
        response.status(200).end();
      },
  },
  {
    id: 'comfy_asset',
    method: 'get',
    path: '/api/v2/assets/{id}',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'An asset: a file that was uploaded, or an output of a job.',
    access: 'key',
    request: { path: assetPath },
    responses: { 200: { description: 'The asset.', schema: comfyAsset } },
    errors: [404],
    handler: (context) => async (request, response) => {
      const baseUrl = baseUrlOf(request, context);
      const found = await assetOf(idOf(request), response, context);
      if ('asset' in found) {
        response.json(comfyAssetView(found.asset, baseUrl));
        return;
      }
      const { job, output, place } = found;
      const view = await viewContextOf(job, baseUrl, context);
      response.json(comfyOutputAsset(job, output, place, view));
    },
  },
  {
    id: 'comfy_asset_content',
    method: 'get',
    path: '/api/v2/assets/{id}/content',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'The bytes of an asset. Supports Range.',
    access: 'key',
    request: { path: assetPath, headers: rangeHeader },
    responses: {
      200: { description: 'The bytes.', types: ['*/*'] },
      206: { description: 'The range of bytes that Range requested.', types: ['*/*'] },
      302: { description: 'Location is a presigned URL of the bytes.', types: ['text/plain'] },
    },
    errors: [404, 416],
    handler: (context) => (request, response) => sendContent(request, response, context),
  },
  {
    id: 'comfy_delete_asset',
    method: 'delete',
    path: '/api/v2/assets/{id}',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'Deletes an uploaded file. Jobs that use it continue.',
    access: 'key',
    request: { path: assetPath },
    responses: { 204: { description: 'Deleted.' } },
    errors: [404, 409, 503],
    handler: (context) => async (request, response) => {
      const found = await assetOf(idOf(request), response, context);
      if (!('asset' in found)) throw new AppError('ASSET_IN_USE', 'It is an output of a job.');
      await context.services.clientAssets.remove(found.asset.id);
      response.status(204).end();
    },
  },
];

/** Receives a form with one file, which is kept in memory or in the store until it is complete. */
function receiveFile({ services, config }: RouteContext): RequestHandler {
  const { stream, clientStream, uploadBudget: budget } = services;
  return receiveUpload(
    { files: [FILE], parameters: comfyUploadFields },
    {
      maxFileBytes: config.uploads.maxFileBytes,
      pace: uploadPace(config),
      budget,
      // With other stores, it counts as memory while it is received.
      stream: stream && clientStream,
    },
  );
}

async function upload(request: Request, response: Response, context: RouteContext): Promise<void> {
  const { clientAssets, clientStream } = context.services;
  const given = withoutEmpty(sentParameters(response), comfyUploadFields);
  const fields = parseParameters(comfyUploadFields, given);
  const received = takeUpload(response);
  try {
    const file = received.files.get(FILE.name);
    if (!file || !('bytes' in file)) {
      throw invalidParameter(FILE.name, 'is missing: send the bytes in the field of this name');
    }
    const description = {
      contentType: contentTypeOf(fields.content_type),
      filePath: fields.file_path ?? file.filename,
      owner: ownerOf(response),
      lifetimeMs: msOf(fields.expires_in),
    };
    const expected = expectedHash(fields.expected_hash);
    const { bytes } = file;
    const held = Buffer.isBuffer(bytes)
      ? await clientStream.putStream(bytes)
      : { ...bytes, release: () => undefined };
    try {
      const { asset, isNew } = await clientAssets.add(held, description, expected);
      const view = comfyAssetView(asset, baseUrlOf(request, context), isNew);
      response.status(isNew ? 201 : 200).json(view);
    } finally {
      held.release();
    }
  } finally {
    received.release();
  }
}

/** Returns the digits of `blake3:<hex>`; `undefined` for any other text. */
function hashFrom(text: string): string | undefined {
  return /^blake3:([0-9a-f]{64})$/i.exec(text)?.[1]?.toLowerCase();
}

/** @throws AppError `INVALID_PARAMETER` */
function expectedHash(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const hash = hashFrom(text);
  if (hash === undefined)
    throw invalidParameter('expected_hash', 'must be blake3: and 64 hexadecimal digits');
  return hash;
}

/** @throws AppError `INVALID_PARAMETER` */
function contentTypeOf(text = 'application/octet-stream'): string {
  const type = text.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (MEDIA_TYPE.test(type)) return ownText(type);
  throw invalidParameter('content_type', 'must be a media type such as image/png');
}

function msOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : 1000 * seconds;
}

/** @throws AppError `MALFORMED_UPLOAD` */
function valuesOf(json: Json): Record<string, unknown> {
  if (!isJsonObject(json)) throw unreadableJson('it is no object');
  const given = [...json].filter(([, value]) => value !== null);
  return Object.fromEntries(given.map(([name, value]) => [name, plainJson(value)]));
}
