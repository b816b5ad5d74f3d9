import type { Task } from './work.js';

/** Code that submits the same job, per language. It never contains the API key. */
export const SNIPPETS: Readonly<Record<string, (request: SnippetRequest) => string>> = {
  curl: curlOf,
  Python: pythonOf,
  JavaScript: javascriptOf,
};

export interface SnippetRequest {
  readonly task: Task;
  /** Such as `http://images.example:3000`. */
  readonly origin: string;
  /** Whether the server has keys. */
  readonly needsKey: boolean;
}

/** The parts of a request. For a built-in workflow, the response is the bytes of the image. */
function partsOf({ task: { workflow, files, values, format }, origin }: SnippetRequest) {
  const { is_built_in: isBuiltIn } = workflow;
  return {
    url: `${origin}${workflow.url}`,
    isBuiltIn,
    // The first routes use this name for their image.
    files: Object.entries(files).map(([name, file]) => [isBuiltIn ? 'imageFile' : name, file.name] as const),
    fields: Object.entries({ ...values, ...(format ? { format } : {}) }).map(
      ([name, value]) => [name, String(value)] as const,
    ),
    result: `result.${(format ?? 'png').toLowerCase()}`,
  };
}

function curlOf(request: SnippetRequest): string {
  const { url, isBuiltIn, files, fields, result } = partsOf(request);
  const parts = [
    ...(request.needsKey ? ['-H "X-API-Key: $API_KEY"'] : []),
    ...(isBuiltIn ? [`-H 'Accept: image/*' -o ${result}`] : []),
    ...files.map(([name, file]) => `-F ${quoted(`${name}=@${pathOf(file)}`)}`),
    ...fields.map(([name, value]) => `--form-string ${quoted(`${name}=${value}`)}`),
    url,
  ];
  return `curl ${parts.join(' ')}`;
}

function pythonOf(request: SnippetRequest): string {
  const { url, isBuiltIn, files, fields, result } = partsOf(request);
  const headers = [
    ...(request.needsKey ? ['"X-API-Key": os.environ["API_KEY"]'] : []),
    ...(isBuiltIn ? ['"Accept": "image/*"'] : []),
  ];
  const entries = [
    ...files.map(([name, file]) => `        ${text(name)}: open(${text(file)}, "rb"),`),
    // A field without a file name is a plain field.
    ...fields.map(([name, value]) => `        ${text(name)}: (None, ${text(value)}),`),
  ];
  return [
    ...(request.needsKey ? ['import os'] : []),
    'import requests',
    '',
    'response = requests.post(',
    `    ${text(url)},`,
    ...(headers.length > 0 ? [`    headers={${headers.join(', ')}},`] : []),
    '    files={',
    ...entries,
    '    },',
    ')',
    'response.raise_for_status()',
    ...(isBuiltIn
      ? [`open(${text(result)}, "wb").write(response.content)`]
      : ['for output in response.json()["outputs"]:', '    print(output["filename"], output["url"])']),
    '',
  ].join('\n');
}

function javascriptOf(request: SnippetRequest): string {
  const { url, isBuiltIn, files, fields, result } = partsOf(request);
  const headers = [
    ...(request.needsKey ? ["'X-API-Key': process.env.API_KEY"] : []),
    ...(isBuiltIn ? ["Accept: 'image/*'"] : []),
  ];
  return [
    ...(files.length > 0 ? ["import { openAsBlob } from 'node:fs';"] : []),
    ...(isBuiltIn ? ["import { writeFile } from 'node:fs/promises';"] : []),
    '',
    'const form = new FormData();',
    ...files.map(
      ([name, file]) => `form.set(${text(name)}, await openAsBlob(${text(file)}), ${text(file)});`,
    ),
    ...fields.map(([name, value]) => `form.set(${text(name)}, ${text(value)});`),
    `const response = await fetch(${text(url)}, {`,
    "  method: 'POST',",
    ...(headers.length > 0 ? [`  headers: { ${headers.join(', ')} },`] : []),
    '  body: form,',
    '});',
    'if (!response.ok) throw new Error(await response.text());',
    ...(isBuiltIn
      ? [`await writeFile(${text(result)}, Buffer.from(await response.arrayBuffer()));`]
      : [
          'const { outputs } = await response.json();',
          'for (const { filename, url } of outputs) console.log(filename, url);',
        ]),
    '',
  ].join('\n');
}

/** Quotes a path that contains characters with a special meaning for curl. */
function pathOf(file: string): string {
  return /[;,"]/.test(file) ? JSON.stringify(file) : file;
}

/** Quotes a value for a shell. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** Quotes a value for Python and JavaScript, which both understand JSON escapes. */
function text(value: string): string {
  return JSON.stringify(value);
}
