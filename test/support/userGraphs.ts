import { readFileSync } from 'node:fs';
import { jpeg, png } from './pictures.js';
import { wav } from './sounds.js';

/** A file that a user's graph needs: the input that names it, and a matching file. */
export interface GraphFileExample {
  readonly node: string;
  readonly field: string;
  /** Its place in ComfyUI's input folder. */
  readonly subfolder: string;
  readonly filename: string;
  readonly bytes: Buffer;
}

/** The names of the graphs in `test/graphs`, as users export them. */
export const USER_GRAPHS = [
  'text-to-image',
  'image-to-image',
  'inpainting',
  'blend',
  'batch-of-four',
  'animated-webp',
  'video-gifs',
  'video-images',
  'caption',
  'expanding',
] as const;

export type UserGraph = (typeof USER_GRAPHS)[number];

/** The text of a graph, because JavaScript cannot represent all of its numbers. */
export function userGraph(name: UserGraph): string {
  return readFileSync(new URL(`../graphs/${name}.json`, import.meta.url), 'utf8');
}

const RED = { r: 200, g: 40, b: 40 };
const BLUE = { r: 40, g: 40, b: 200 };
/** White in the middle half, where `drawing` has its rectangle, and nearly black around it. */
const mask = () =>
  png({ width: 64, height: 64, colour: { r: 255, g: 0, b: 0 }, background: { r: 0, g: 9, b: 9 } });

/** The beginning of an MP4 file. */
const VIDEO = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom a walk in the park', 'latin1');

/** Files for the inputs of a graph, in the order of its nodes. */
export async function userFiles(name: UserGraph): Promise<readonly GraphFileExample[]> {
  const file = (node: string, field: string, path: string, bytes: Buffer): GraphFileExample => {
    const [filename = '', subfolder = ''] = path.split('/').reverse();
    return { node, field, subfolder, filename, bytes };
  };
  switch (name) {
    case 'image-to-image':
      return [file('10', 'image', 'beach photo (2).jpg', await jpeg({ width: 64, height: 48 }))];
    case 'inpainting':
      return [
        file('20', 'image', 'room.png', await png({ width: 64, height: 64, colour: RED })),
        file('21', 'image', 'clipspace/clipspace-mask-229363.5.png', await mask()),
      ];
    case 'blend':
      return [
        file('1', 'image', 'first.png', await png({ width: 64, height: 48, colour: RED })),
        file('2', 'image', 'second.png', await png({ width: 32, height: 24, colour: BLUE })),
      ];
    case 'video-gifs':
      return [file('52', 'video', 'walk in the park.mp4', VIDEO)];
    case 'video-images':
      return [file('7', 'audio', 'train.wav', wav(Array.from({ length: 1600 }, (_, n) => (n % 80) * 100)))];
    case 'caption':
      return [file('1', 'image', 'holiday.jpg', await jpeg({ width: 60, height: 40 }))];
    case 'expanding':
      return [file('load', 'image', 'negative.png', await png({ colour: RED }))];
    default:
      return [];
  }
}
