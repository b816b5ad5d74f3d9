import { type GraphNode, linkOf } from '../graph.js';
import type { FileKind } from '../types.js';
import { type NodeInfo, optionsOf } from './nodeInfo.js';

/** An input of a node that takes a file. */
export interface FileField {
  readonly field: string;
  readonly kind: FileKind;
}

/** Fields by class. The first one that the node has is used. */
const LOADERS = new Map<string, readonly FileField[]>(
  Object.entries({
    LoadImage: [{ field: 'image', kind: 'image' }],
    LoadImageMask: [{ field: 'image', kind: 'mask' }],
    LoadImageOutput: [{ field: 'image', kind: 'image' }],
    LoadAudio: [{ field: 'audio', kind: 'audio' }],
    LoadVideo: [
      { field: 'file', kind: 'video' },
      { field: 'video', kind: 'video' },
    ],
    LoadLatent: [{ field: 'latent', kind: 'file' }],
    Load3D: [{ field: 'model_file', kind: 'file' }],
    VHS_LoadVideo: [{ field: 'video', kind: 'video' }],
    VHS_LoadVideoFFmpeg: [{ field: 'video', kind: 'video' }],
    VHS_LoadAudioUpload: [{ field: 'audio', kind: 'audio' }],
    ETN_LoadImageBase64: [{ field: 'image', kind: 'image' }],
    ETN_LoadMaskBase64: [{ field: 'mask', kind: 'mask' }],
    SwarmLoadImageB64: [{ field: 'image_base64', kind: 'image' }],
    'easy loadImageBase64': [{ field: 'base64_data', kind: 'image' }],
  }),
);

/** Loaders of custom nodes, by name. They take the same fields as ComfyUI's own. */
const SIMILAR: readonly [RegExp, FileField][] = [
  [/load.*mask/i, { field: 'mask', kind: 'mask' }],
  [/load.*image/i, { field: 'image', kind: 'image' }],
  [/load.*video/i, { field: 'video', kind: 'video' }],
  [/load.*audio/i, { field: 'audio', kind: 'audio' }],
];
/** Loaders that read files from elsewhere than the uploads. */
const ELSEWHERE = /path|url|folder|directory|batch|output|list|google|drive|s3|save/i;

/** What `/object_info` declares for an input that takes an upload. */
const UPLOAD_FLAGS = {
  image_upload: 'image',
  video_upload: 'video',
  audio_upload: 'audio',
  file_upload: 'file',
} as const;

/** The inputs of a node that take a client's file. A linked input gets its file through the link. */
export function fileFields(node: GraphNode, info: NodeInfo | undefined): readonly FileField[] {
  const known = LOADERS.get(node.classType) ?? uploadFields(node, info) ?? similarFields(node.classType);
  return known.filter(({ field }) => {
    const value = node.inputs.get(field);
    return value !== undefined && linkOf(value) === undefined;
  });
}

/** Whether this input takes base64 instead of the name of an uploaded file. */
export function isBase64Field(classType: string, field: string): boolean {
  return /base64|b64/i.test(`${classType} ${field}`);
}

function uploadFields(node: GraphNode, info: NodeInfo | undefined): readonly FileField[] | undefined {
  const found: FileField[] = [];
  for (const field of node.inputs.keys()) {
    const options = optionsOf(info, field);
    for (const [flag, kind] of Object.entries(UPLOAD_FLAGS))
      if (options[flag] === true) found.push({ field, kind });
  }
  return found.length > 0 ? found : undefined;
}

function similarFields(classType: string): readonly FileField[] {
  if (ELSEWHERE.test(classType)) return [];
  const similar = SIMILAR.find(([pattern]) => pattern.test(classType));
  return similar === undefined ? [] : [similar[1]];
}
