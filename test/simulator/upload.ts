import type { Simulator } from '../../src/simulator/index.js';

export interface UploadFields {
  readonly name: string;
  readonly bytes: Buffer;
  readonly type?: string;
  readonly subfolder?: string;
  readonly overwrite?: string;
}

/** Uploads like a browser form, with the file between the other fields. */
export function upload(simulator: Simulator, { name, bytes, ...fields }: UploadFields): Promise<Response> {
  const form = new FormData();
  const [first, ...rest] = Object.entries(fields);
  if (first) form.set(...first);
  form.set('image', new Blob([new Uint8Array(bytes)]), name);
  for (const field of rest) form.set(...field);
  return fetch(`http://${simulator.host}/upload/image`, { method: 'POST', body: form });
}

/** Text chunks of a PNG by keyword. */
export function textChunks(png: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const content = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    if (png.toString('latin1', at + 4, at + 8) !== 'tEXt') continue;
    const end = content.indexOf(0);
    found.set(content.toString('latin1', 0, end), content.toString('latin1', end + 1));
  }
  return found;
}

/** Downloads a file by its place with `GET /view`. */
export async function view(simulator: Simulator, place: unknown): Promise<Buffer> {
  const query = new URLSearchParams(place as Record<string, string>);
  const response = await fetch(`http://${simulator.host}/view?${query}`);
  if (response.status !== 200) throw new Error(`/view answers ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}
