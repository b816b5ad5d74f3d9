import type { OutputFile } from '../client/index.js';
import { pictureOf, type Work } from './work.js';

/** The file name of a saved result: after the input image if there is one. */
export function resultName(work: Work, output: OutputFile): string {
  const picture = pictureOf(work);
  const { workflow } = work.task ?? {};
  if (!picture || !workflow?.is_built_in) return output.filename;
  const ending = output.mimeType.split('/')[1] ?? 'png';
  return `${picture.name.replace(/\.\w+$/, '')}-${workflow.type}.${ending}`;
}
