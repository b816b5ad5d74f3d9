import { jsonIfValid } from '../../utils/jsonIfValid.js';
import { type Eraser, look, put, skip } from './steps.js';

/** Maximum length of a header that is parsed, bytes. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;
const GLTF_JSON = 0x4e4f534a;

/** A latent (safetensors: 8 bytes of length, then JSON). Other tensors keep their metadata: a LoRA needs it. */
export function* eraseLatent(): Eraser {
  const head = yield* look(8);
  if (head.length < 8) return;
  yield* skip(8);
  yield* eraseJson(Number(head.readBigUInt64LE(0)), ({ __metadata__: _metadata, ...header }) =>
    'latent_tensor' in header ? header : undefined,
  );
}

/** A binary glTF file: ComfyUI stores the prompt and the workflow as the asset's extras. */
export function* eraseGltf(): Eraser {
  const head = yield* look(20);
  if (head.length < 20 || head.readUInt32LE(16) !== GLTF_JSON) return;
  yield* skip(20);
  yield* eraseJson(head.readUInt32LE(12), ({ asset, ...others }) => {
    if (!isObject(asset) || !('extras' in asset)) return undefined;
    const { extras: _extras, ...rest } = asset;
    return { ...others, asset: rest };
  });
}

/** @param without returns the header without metadata; `undefined` if it has none */
function* eraseJson(
  bytes: number,
  without: (header: Readonly<Record<string, unknown>>) => object | undefined,
): Eraser {
  if (bytes > MAX_HEADER_BYTES) return;
  const header = jsonIfValid((yield* look(bytes)).toString());
  const changed = isObject(header) && without(header);
  const text = changed ? Buffer.from(JSON.stringify(changed)) : undefined;
  // Both formats pad their header with spaces.
  if (text && text.length <= bytes) yield* put(Buffer.concat([text, Buffer.alloc(bytes - text.length, ' ')]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
