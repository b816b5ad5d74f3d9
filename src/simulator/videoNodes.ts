import { fileBytes } from './loaders.js';
import { batchInput, type InputSpec, type NodeClass, numberInput } from './nodeClass.js';
import { type Video, videoOf } from './videos.js';

const count = (most: number): InputSpec => ['INT', { default: 0, min: 0, max: most, step: 1 }];

/** Nodes that load, split or create videos. */
export const videoNodes: Record<string, NodeClass> = {
  LoadVideo: {
    required: { file: ['COMBO', { options: [], video_upload: true }] },
    output: ['VIDEO'],
    category: 'image/video',
    displayName: 'Load Video',
    file: { input: 'file', kind: 'video' },
    run: async (inputs, context) => ({ values: [await videoOf(fileBytes(inputs, 'file', context))] }),
  },
  GetVideoComponents: {
    required: { video: ['VIDEO', { tooltip: 'Video to take apart.' }] },
    output: ['IMAGE', 'AUDIO', 'FLOAT'],
    outputNames: ['images', 'audio', 'fps'],
    category: 'image/video',
    displayName: 'Get Video Components',
    run: async (inputs) => {
      const { frames, sound, framesPerSecond } = inputs['video'] as Video;
      return { values: [frames, sound, framesPerSecond] };
    },
  },
  CreateVideo: {
    required: {
      images: ['IMAGE', { tooltip: 'Frames of the video.' }],
      fps: ['FLOAT', { default: 30, min: 1, max: 120, step: 1 }],
    },
    optional: { audio: ['AUDIO', { tooltip: 'Sound of the video.' }] },
    output: ['VIDEO'],
    category: 'image/video',
    displayName: 'Create Video',
    run: async (inputs) => {
      const [frames, sound] = [batchInput(inputs, 'images'), inputs['audio']];
      return { values: [{ frames, framesPerSecond: numberInput(inputs, 'fps'), sound }] };
    },
  },
  VHS_LoadVideo: {
    required: {
      video: [[], { video_upload: true }],
      force_rate: ['FLOAT', { default: 0, min: 0, max: 60, step: 1 }],
      custom_width: count(8192),
      custom_height: count(8192),
      frame_load_cap: count(1_000_000),
      skip_first_frames: count(1_000_000),
      select_every_nth: ['INT', { default: 1, min: 1, max: 1_000_000, step: 1 }],
    },
    hidden: { unique_id: 'UNIQUE_ID' },
    output: ['IMAGE', 'INT', 'AUDIO', 'VHS_VIDEOINFO'],
    outputNames: ['IMAGE', 'frame_count', 'audio', 'video_info'],
    category: 'Video Helper Suite 🎥🅥🅗🅢',
    displayName: 'Load Video (Upload) 🎥🅥🅗🅢',
    file: { input: 'video', kind: 'video' },
    run: async (inputs, context) => {
      const { frames } = await videoOf(fileBytes(inputs, 'video', context));
      const every = numberInput(inputs, 'select_every_nth');
      const chosen = frames.slice(numberInput(inputs, 'skip_first_frames')).filter((_, n) => n % every === 0);
      const kept = chosen.slice(0, numberInput(inputs, 'frame_load_cap') || undefined);
      return { values: [kept, kept.length, undefined, {}] };
    },
  },
};
