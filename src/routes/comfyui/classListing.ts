import type { Response } from 'express';
import { lookup } from 'mime-types';
import { memberText } from '../../utils/jsonMembers.js';
import type { ClassInfo } from '../../workflows/objectInfo/ClassInfo.js';
import { type ObjectInfo, withChoices } from '../../workflows/objectInfo/mergeObjectInfo.js';

/** Loaders that list the files of the input folder: their input, and the types of files that they list. */
const LISTING: ReadonlyMap<string, { readonly input: string; readonly types: RegExp }> = new Map([
  ['LoadImage', { input: 'image', types: /^image\// }],
  ['LoadImageMask', { input: 'image', types: /^image\// }],
  // ComfyUI reads the sound of a video.
  ['LoadAudio', { input: 'audio', types: /^(audio|video)\// }],
  ['LoadVideo', { input: 'file', types: /^video\// }],
  ['VHS_LoadVideo', { input: 'video', types: /^(video\/|image\/gif$)/ }],
  ['VHS_LoadVideoFFmpeg', { input: 'video', types: /^(video\/|image\/gif$)/ }],
  ['VHS_LoadAudioUpload', { input: 'audio', types: /^(audio|video)\// }],
]);

type NamedClass = readonly [name: string, info: ClassInfo];

/** Classes in their order: the bytes of some, or one that differs from client to client. */
type Part = Buffer | NamedClass;

const [OPEN, COMMA, CLOSE] = ['{', ',', '}'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];

/** The parts of a list, which are the same until a machine's response changes: encoding megabytes takes longer than sending them. */
const known = new WeakMap<ObjectInfo, readonly Part[]>();

/** Sends node classes as the machines describe them. @param files the client's own, which loaders list as well */
export function sendClasses(response: Response, classes: ObjectInfo, files: readonly string[]): void {
  const parts = known.get(classes) ?? partsOf(classes);
  known.set(classes, parts);
  const bytes = [OPEN];
  for (const part of parts) {
    if (bytes.length > 1) bytes.push(COMMA);
    bytes.push(Buffer.isBuffer(part) ? part : Buffer.from(textOf(part, files)));
  }
  bytes.push(CLOSE);
  const length = bytes.reduce((sum, one) => sum + one.length, 0);
  response.type('application/json').set('Content-Length', String(length));
  for (const one of bytes) response.write(one);
  response.end();
}

function partsOf(classes: ObjectInfo): Part[] {
  const parts: Part[] = [];
  let texts: string[] = [];
  const flush = () => {
    if (texts.length > 0) parts.push(Buffer.from(texts.join(',')));
    texts = [];
  };
  for (const one of classes) {
    if (LISTING.has(one[0])) {
      flush();
      parts.push(one);
    } else texts.push(textOf(one, []));
  }
  flush();
  return parts;
}

function textOf([name, info]: NamedClass, files: readonly string[]): string {
  const listing = LISTING.get(name);
  const listed = listing ? files.filter((file) => listing.types.test(lookup(file) || '')) : [];
  return memberText(
    name,
    (listing && listed.length > 0 ? withChoices(info, listing.input, listed) : info).text,
  );
}
