import type { Task } from './useJob.js';

/** The same over the command line. The key, if there is one, is not written into it. */
export function curlOf({ workflow, files, values, format }: Task): string {
  const { is_built_in: isBuiltIn, url } = workflow;
  const parts = [
    ...Object.entries(files).map(([name, file]) => {
      // The first routes had this name for their picture.
      return `-F ${quoted(`${isBuiltIn ? 'imageFile' : name}=@${file.name}`)}`;
    }),
    ...Object.entries({ ...values, ...(format ? { format } : {}) }).map(([name, value]) => {
      return `--form-string ${quoted(`${name}=${value}`)}`;
    }),
    `${location.origin}${url}`,
  ];
  return isBuiltIn ? `curl -H 'Accept: image/*' -o result ${parts.join(' ')}` : `curl ${parts.join(' ')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
