interface Preview {
  readonly outputs_count: number;
  readonly previewable_outputs_count: number;
  readonly preview_output: object | undefined;
}

const KEYS = ['images', 'video', 'audio', '3d', 'text'];
const TEXT_LENGTH = 1024;

/**
 * What a job's entry says about its outputs. The preview is the first saved picture, video, sound or model; if there is none, the
 * first temporary one, then the first text file, then the first text.
 */
export function jobPreview(outputs: Record<string, unknown>): Preview {
  const items = Object.entries(outputs).flatMap(([nodeId, output]) =>
    Object.entries(Object(output) as Record<string, unknown>).flatMap(([key, list]) =>
      key !== 'animated' && Array.isArray(list) ? list.map((item: unknown) => ({ nodeId, key, item })) : [],
    ),
  );
  const files = items.filter(({ item }) => typeof item === 'object' && item !== null && !Array.isArray(item));
  const shown = files.flatMap(({ nodeId, key, item }) => {
    const file = item as { filename?: string; format?: string; type?: string; mediaType?: string };
    const ending = file.filename?.split('.').at(-1)?.toLowerCase() ?? '';
    const isText = key === 'text' || ['txt', 'md', 'json'].includes(ending);
    const isMedia =
      /^(video|audio)\//.test(file.format ?? '') || ['obj', 'fbx', 'gltf', 'glb'].includes(ending);
    if (!isText && !isMedia && !KEYS.includes(key)) return [];
    return [{ isText, isSaved: file.type === 'output', preview: { mediaType: key, ...file, nodeId } }];
  });
  const texts = items.filter(({ key, item }) => key === 'text' && typeof item === 'string');
  const [text] = texts.map(({ nodeId, key, item }) => ({
    ...shortened(String(item)),
    nodeId,
    mediaType: key,
  }));
  const best =
    shown.find(({ isText, isSaved }) => !isText && isSaved) ??
    shown.find(({ isText }) => !isText) ??
    shown[0];
  return {
    outputs_count: files.length,
    previewable_outputs_count: shown.length,
    preview_output: best?.preview ?? text,
  };
}

function shortened(text: string): object {
  const characters = Array.from(text);
  if (characters.length <= TEXT_LENGTH) return { content: text };
  return { content: characters.slice(0, TEXT_LENGTH).join(''), truncated: true };
}
