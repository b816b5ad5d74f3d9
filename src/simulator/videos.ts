import { createHash } from 'node:crypto';
import type { Sharp } from 'sharp';
import { openImage } from '../utils/openImage.js';
import type { Sound } from './flac.js';
import { MAX_PIXELS, openRaster, type Raster } from './images.js';
import { av1PictureOf, mp4 } from './mp4.js';
import { NodeException } from './NodeException.js';
import { hashPicture, opaque } from './pixels.js';
import { type VideoTrack, vp8FrameOf, webm } from './webm.js';

/** A video passed between nodes. */
export interface Video {
  readonly frames: readonly Raster[];
  readonly framesPerSecond: number;
  readonly sound?: Sound;
  /** The original file, which is saved unchanged. */
  readonly file?: Buffer;
}

type AboutVideo = Pick<VideoTrack, 'comment' | 'texts'>;

const LOADED_FRAMES = 4;
const LOADED_SIDE = 64;
const LOADED_FPS = 8;
/** MP4 and related formats, WebM and Matroska, AVI; hexadecimal. */
const SIGNATURES = [/^.{8}66747970/, /^1a45dfa3/, /^52494646.{8}41564920/];

/**
 * The content of a video file for nodes: images that depend on every byte, since videos are not decoded here.
 * @throws NodeException if the file is no video
 */
export async function videoOf(file: Buffer): Promise<Video> {
  if (!SIGNATURES.some((signature) => signature.test(file.toString('hex', 0, 12)))) {
    const message = '[Errno 1094995529] Invalid data found when processing input\n';
    throw new NodeException('av.error.InvalidDataError', message);
  }
  const hash = createHash('sha256').update(file).digest('hex');
  const frames = Array.from({ length: LOADED_FRAMES }, (_, n) => {
    return hashPicture(`${hash} ${n}`, LOADED_SIDE, LOADED_SIDE);
  });
  return { frames: await Promise.all(frames), framesPerSecond: LOADED_FPS, file };
}

/** The frames of a video in one column, as sharp expects an animation. */
export function animation({ frames }: Video): Sharp {
  const { width, height, channels } = first(frames);
  const raw = { width, height: height * frames.length, channels, pageHeight: height };
  return openImage(Buffer.concat(frames.map(({ data }) => data)), MAX_PIXELS, { raw });
}

/** Display time of each frame, ms. */
export const delaysOf = ({ frames, framesPerSecond }: Video) =>
  frames.map(() => Math.max(1, Math.round(1000 / framesPerSecond)));

/** A WebM file of a video, without sound. */
export async function webmOf({ frames, framesPerSecond }: Video, about: AboutVideo): Promise<Buffer> {
  const { width, height } = first(frames);
  const coded: Buffer[] = [];
  for (const frame of frames) {
    coded.push(
      vp8FrameOf(
        await openRaster(await opaque(frame))
          .webp({ quality: 80, effort: 0 })
          .toBuffer(),
      ),
    );
  }
  return webm({ frames: coded, width, height, framesPerSecond, ...about });
}

/** An MP4 file of a video, without sound. */
export async function mp4Of({ frames, framesPerSecond }: Video, about: AboutVideo): Promise<Buffer> {
  const { width, height } = first(frames);
  const coded = [];
  for (const frame of frames) {
    coded.push(
      av1PictureOf(
        await openRaster(await opaque(frame))
          .avif({ quality: 60, effort: 0 })
          .toBuffer(),
      ),
    );
  }
  const track = { frames: coded.map(({ data }) => data), width, height, framesPerSecond, ...about };
  return mp4(track, coded[0]?.configuration ?? Buffer.alloc(0));
}

function first(frames: readonly Raster[]): Raster {
  const [frame] = frames;
  if (frame) return frame;
  throw new NodeException('IndexError', 'list index out of range\n');
}
