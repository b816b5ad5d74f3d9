import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allEndpoints } from '../../src/routes/endpoints.js';
import { GENERAL_ERROR_STATUSES } from '../../src/routes/openApiErrors.js';
import { workflows } from '../../src/workflows/index.js';
import { samplerGraph } from '../support/comfyApi.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** A program as a user would write it from the types alone: it submits an image and prints the result's size. */
const PROGRAM = `import type { components } from './api.js';
const [server = '', file = ''] = process.argv.slice(2);
const body = new FormData();
body.set('imageFile', new Blob([Buffer.from(file, 'base64')]), 'photo.png');
const submitted = await fetch(server + '/api/async/upscale-image?format=WEBP', { method: 'POST', body });
const job = (await submitted.json()) as components['schemas']['AcceptedJob'];
let status: components['schemas']['JobStatus'];
do status = (await (await fetch(server + job.status_url)).json()) as components['schemas']['JobStatus'];
while (status.status === 'pending' || status.status === 'processing');
if (status.status === 'completed') console.log(status.outputs[0]?.mime_type, status.outputs[0]?.width);
else console.log(status.status === 'failed' ? status.error_code : status.cancelled_time);
// Every option may be left out, and what any request can get is an error like others.
export const options: components['schemas']['SubmissionOptions'] = {};
export type Failure = components['responses']['GeneralError']['content']['application/json']['code'];
`;

/** The same for the Comfy API v2: it submits a graph without files and prints the error of another one. */
const COMFY_PROGRAM = `import type { components } from './comfy.js';
const [server = '', graph = ''] = process.argv.slice(2);
const submit = (body: components['schemas']['ComfyJobSubmission']) =>
  fetch(server + '/api/v2/jobs', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
const submitted = await submit({ workflow: JSON.parse(graph) });
const job = (await submitted.json()) as components['schemas']['ComfyJob'];
const refused = await submit({ workflow: {} });
const { error } = (await refused.json()) as components['schemas']['ComfyError'];
console.log(job.status, error.code);
`;

/** The program in the API guide that uses generated types. */
async function guideProgram(server: string): Promise<string> {
  const guide = await readFile(path.join(ROOT, 'documentation/API_Guide.md'), 'utf8');
  const [, section = ''] = guide.split('## Generated types');
  const [, program = ''] = /```ts\n(.*?)```/s.exec(section) ?? [];
  return program.replace('http://127.0.0.1:3000', server);
}

/** The published Comfy API has a path that redocly considers ambiguous; the order of routes decides. */
const isOurs = ({ ruleId, message }: { ruleId: string; message: string }) =>
  ruleId !== 'no-ambiguous-paths' || !message.includes('/api/v2/');

let stack: Stack;
let text: string;
let comfyText: string;
beforeAll(async () => {
  stack = await Stack.start();
  text = await (await stack.client.request('/openapi.json')).text();
  comfyText = await (await stack.client.request('/api/v2/openapi.json')).text();
});
afterAll(() => stack.stop());

describe('the OpenAPI documents', () => {
  it('have every endpoint between them, each in the document of its API', () => {
    for (const [document, form] of [[text], [comfyText, 'comfy']] as const) {
      const { paths } = JSON.parse(document);
      const operations = Object.entries<object>(paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method} ${path}`),
      );
      const endpoints = allEndpoints(workflows).filter((endpoint) => endpoint.form === form);
      expect(operations.sort()).toEqual(endpoints.map(({ method, path }) => `${method} ${path}`).sort());
      for (const path of Object.keys(paths)) expect(path.startsWith('/api/v2/')).toBe(form === 'comfy');
    }
  });

  it('have one response, for every operation, for the errors that any request can get', () => {
    for (const [document, error] of [
      [text, 'Error'],
      [comfyText, 'ComfyError'],
    ] as const) {
      const { paths, components } = JSON.parse(document);
      const { description, content } = components.responses.GeneralError;
      expect(description.match(/\d{3}/g).map(Number)).toEqual(GENERAL_ERROR_STATUSES);
      expect(description).toMatch(/\b401 UNAUTHORIZED\b.*\b429 RATE_LIMITED\b/i);
      expect(content['application/json'].schema.$ref).toBe(`#/components/schemas/${error}`);
      for (const methods of Object.values<Record<string, { responses: object }>>(paths)) {
        for (const { responses } of Object.values(methods)) {
          expect(responses).toHaveProperty('default.$ref', '#/components/responses/GeneralError');
        }
      }
    }
  });
});

describe('the OpenAPI document', () => {
  it('has nothing that redocly warns of, nor has the one of the Comfy API v2', async () => {
    const config = await createConfig({ extends: ['recommended'] });
    const lint = async (source: string) =>
      (await lintFromString({ source, config }))
        .filter(isOurs)
        .map(({ ruleId, message, location: [at] }) => [ruleId, message, at?.pointer].join(' | '));
    for (const [document, path] of [
      [text, '/status'],
      [comfyText, '/api/v2/health'],
    ] as const) {
      expect(await lint(document)).toEqual([]);
      const without = JSON.parse(document);
      delete without.paths[path].get.operationId;
      expect((await lint(JSON.stringify(without))).join()).toContain('operation-operationId');
    }
  });

  it('has every value of what has a few only', () => {
    const { components, paths } = JSON.parse(text);
    const { schemas } = components;
    expect(schemas.JobState.enum).toEqual(['pending', 'processing', 'completed', 'failed', 'cancelled']);
    expect(schemas.OutputFormat.enum).toEqual(['PNG', 'JPEG', 'WEBP']);
    expect(schemas.ErrorCode.enum).toContain('QUEUE_FULL');
    expect(schemas.ErrorCategory.enum).toContain('out_of_memory');
    expect(schemas.Output.properties.kind.enum).toContain('video');
    expect(schemas.CircuitBreaker.properties.state.enum).toEqual(['CLOSED', 'OPEN', 'HALF_OPEN']);
    expect(schemas.InstanceHealth.properties.status.enum).toEqual(['healthy', 'unhealthy']);
    const form = paths['/api/upscale-image'].post.requestBody.content['multipart/form-data'].schema;
    expect(form.properties.format.enum).toEqual(['PNG', 'JPEG', 'WEBP']);
    expect(form.properties.mode.enum).toEqual(['async', 'sync']);
    expect(form.properties.priority).toMatchObject({ minimum: -10, maximum: 10 });
    expect(form.properties).toHaveProperty('deadline_seconds');
  });

  it('gives types with which a program of ten lines gets a result, in both APIs', {
    timeout: 240_000,
  }, async () => {
    const folder = await mkdtemp(path.join(ROOT, 'data/generated-'));
    try {
      await writeFile(path.join(folder, 'api.ts'), astToString(await openapiTS(text)));
      await writeFile(path.join(folder, 'comfy.ts'), astToString(await openapiTS(comfyText)));
      await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
      await writeFile(path.join(folder, 'program.ts'), PROGRAM);
      // A field that does not exist must be an error, which proves that the types are checked.
      await writeFile(path.join(folder, 'wrong.ts'), PROGRAM.replace('?.mime_type', '?.no_such_field'));
      await writeFile(path.join(folder, 'comfyProgram.ts'), COMFY_PROGRAM);
      await writeFile(path.join(folder, 'middleware.ts'), astToString(await openapiTS(text)));
      await writeFile(path.join(folder, 'guide.ts'), await guideProgram(stack.client.baseUrl));
      await writeFile(path.join(folder, 'photo.png'), await png({ width: 20, height: 10 }));
      const names = ['program.ts', 'wrong.ts', 'comfyProgram.ts', 'guide.ts'];
      const problems = compile(names.map((name) => path.join(folder, name)));
      expect(problems).toEqual([
        expect.stringMatching(/^wrong\.ts: Property 'no_such_field' does not exist/),
      ]);
      const image = (await png({ width: 20, height: 10 })).toString('base64');
      const run = async (program: string, argument: string) => {
        const file = path.join(folder, program);
        const options = { cwd: folder };
        const given = [file, stack.client.baseUrl, argument];
        return (await promisify(execFile)(process.execPath, given, options)).stdout;
      };
      expect(await run('program.js', image)).toBe('image/webp 80\n');
      const graph = JSON.stringify(samplerGraph());
      expect(await run('comfyProgram.js', graph)).toMatch(/^(queued|running) invalid_workflow\n$/);
      await run('guide.js', '');
      expect((await readdir(folder)).filter((name) => name.endsWith('.webp'))).toHaveLength(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** Compiles programs with the strictest settings. @returns the compiler's messages by file */
function compile(files: readonly string[]): string[] {
  const program = ts.createProgram(files, {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    typeRoots: [path.join(ROOT, 'node_modules/@types')],
  });
  program.emit();
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ file, messageText }) =>
      [path.basename(file?.fileName ?? ''), ts.flattenDiagnosticMessageText(messageText, '\n')].join(': '),
    );
}
