import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
`;

/** The published Comfy API has a path that redocly considers ambiguous; the order of routes decides. */
const isOurs = ({ ruleId, message }: { ruleId: string; message: string }) =>
  ruleId !== 'no-ambiguous-paths' || !message.includes('/api/v2/');

let stack: Stack;
let text: string;
beforeAll(async () => {
  stack = await Stack.start();
  text = await (await stack.client.request('/openapi.json')).text();
});
afterAll(() => stack.stop());

describe('the OpenAPI document', () => {
  it('has nothing that redocly warns of', async () => {
    const config = await createConfig({ extends: ['recommended'] });
    const lint = async (source: string) =>
      (await lintFromString({ source, config }))
        .filter(isOurs)
        .map(({ ruleId, message, location: [at] }) => [ruleId, message, at?.pointer].join(' | '));
    expect(await lint(text)).toEqual([]);
    const without = JSON.parse(text);
    delete without.paths['/status'].get.operationId;
    expect((await lint(JSON.stringify(without))).join()).toContain('operation-operationId');
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
  });

  it('gives types with which a program of ten lines gets a result', { timeout: 240_000 }, async () => {
    const folder = await mkdtemp(path.join(ROOT, 'data/generated-'));
    try {
      await writeFile(path.join(folder, 'api.ts'), astToString(await openapiTS(text)));
      await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
      await writeFile(path.join(folder, 'program.ts'), PROGRAM);
      // A field that does not exist must be an error, which proves that the types are checked.
      await writeFile(path.join(folder, 'wrong.ts'), PROGRAM.replace('?.mime_type', '?.no_such_field'));
      const problems = compile(['program.ts', 'wrong.ts'].map((name) => path.join(folder, name)));
      expect(problems).toEqual([
        expect.stringMatching(/^wrong\.ts: Property 'no_such_field' does not exist/),
      ]);
      const image = (await png({ width: 20, height: 10 })).toString('base64');
      const { stdout } = await promisify(execFile)(process.execPath, [
        path.join(folder, 'program.js'),
        stack.client.baseUrl,
        image,
      ]);
      expect(stdout).toBe('image/webp 80\n');
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
