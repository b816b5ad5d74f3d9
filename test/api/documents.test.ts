import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Express } from 'express';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderApiReference } from '../../scripts/apiReference.js';
import { createPostmanCollection } from '../../scripts/postman.js';
import { resolveReferences } from '../../scripts/resolveReferences.js';
import { createApp } from '../../src/app.js';
import { ERROR_STATUS } from '../../src/errors.js';
import { allEndpoints } from '../../src/routes/endpoints.js';
import { errorAnswer } from '../../src/schemas/common.js';
import { examples } from '../../src/schemas/examples.js';
import { asyncAnswer, syncAnswer } from '../../src/schemas/jobs.js';
import { workflows } from '../../src/workflows/index.js';
import type { Workflow } from '../../src/workflows/types.js';
import { WorkflowCatalogue, type WorkflowStore } from '../../src/workflows/WorkflowCatalogue.js';
import { invertImage } from '../examples/invertImage.js';
import { png } from '../support/pictures.js';
import { scrape } from '../support/prometheus.js';
import { Stack } from '../support/stack.js';

const read = (name: string) =>
  readFileSync(path.resolve(import.meta.dirname, '../../documentation', name), 'utf8');

let stack: Stack;
let app: Express;
beforeAll(async () => {
  stack = await Stack.start();
  app = createApp(stack.services, stack.config);
});
afterAll(() => stack.stop());

/** Workflows with recorded examples. */
const DOCUMENTED = ['remove-background', 'upscale-image', 'upscale-remove-bg'];

interface Described {
  readonly responses: Record<string, { content: Record<string, { schema?: { $ref?: string } }> }>;
}

interface Layer {
  readonly route?: { readonly path: string; readonly stack: ReadonlyArray<{ method?: string }> };
  readonly handle: { readonly stack?: readonly Layer[] };
}

/** `METHOD path` of every route in Express' routing table. */
function routingTable(layers: readonly Layer[]): string[] {
  return layers.flatMap(({ route, handle }) => {
    if (!route) return routingTable(handle.stack ?? []);
    const methods = new Set(route.stack.flatMap(({ method }) => (method ? [method.toUpperCase()] : [])));
    return [...methods].map((method) => `${method} ${route.path.replace(/:(\w+)/g, '{$1}')}`);
  });
}

/** The same for the workflows' routes, which are created on demand: the response to a wrong method lists the allowed ones. */
async function workflowRoutes(): Promise<string[]> {
  const paths = workflows.flatMap(({ type }) => [`/api/${type}`, `/api/async/${type}`]);
  const answers = await Promise.all(paths.map((path) => request(app).get(path).expect(405)));
  return answers.map(({ headers }, index) => `${headers['allow']} ${paths[index]}`);
}

/** Workflows that can be added and removed. */
class GrowingSource implements WorkflowStore {
  #all: readonly Workflow[] = [];
  readonly #listeners = new Set<() => void>();

  become(workflows: readonly Workflow[]): void {
    this.#all = workflows;
    for (const listener of this.#listeners) listener();
  }

  all = () => this.#all;
  problems = () => [];
  useNodeInfo = () => Promise.resolve();
  put = () => Promise.reject(new Error('nothing is kept'));
  delete = () => Promise.resolve(false);

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

describe.each([
  ['/openapi.json', '#/components/schemas/Error'],
  ['/api/v2/openapi.json', '#/components/schemas/ComfyError'],
])('the OpenAPI document %s', (url, error) => {
  it('is valid', async () => {
    const { body } = await request(app).get(url);
    expect(body.openapi).toBe('3.1.0');
    const result = await new Validator().validate(body);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  it('names the schema of every JSON answer, for the types that others make of it', async () => {
    const body = resolveReferences((await request(app).get(url)).body);
    const names = Object.keys(body.components.schemas);
    for (const [path, methods] of Object.entries<Record<string, Described>>(body.paths)) {
      // The document does not describe itself.
      if (path === url) continue;
      for (const { responses } of Object.values(methods)) {
        for (const [status, { content }] of Object.entries(responses)) {
          const { $ref = '' } = content['application/json']?.schema ?? { $ref: error };
          expect(names, `${path} ${status}`).toContain($ref.replace('#/components/schemas/', ''));
        }
      }
    }
  });
});

describe('the OpenAPI document', () => {
  it('is small enough to be read by people and tools', async () => {
    const { text } = await request(app).get('/openapi.json');
    const others = workflows.length - DOCUMENTED.length;
    expect(Buffer.byteLength(text)).toBeLessThan(120_000 + others * 8000);
  });

  it('has every code of an error', async () => {
    const { schemas } = (await request(app).get('/openapi.json')).body.components;
    expect(schemas.ErrorCode.enum).toEqual(Object.keys(ERROR_STATUS));
  });

  it('has every route of the app, and no other', async () => {
    const described = allEndpoints(workflows).map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    const fixed = routingTable((app.router as unknown as { stack: Layer[] }).stack);
    const routed = [...fixed, ...(await workflowRoutes())];
    // The page's own script is part of the page.
    expect(routed.filter((route) => route !== 'GET /docs/start.js').sort()).toEqual(described.sort());
  });

  it('has names that say what things are', async () => {
    const { schemas } = (await request(app).get('/openapi.json')).body.components;
    const names = Object.keys(schemas);
    expect(names).toEqual(expect.arrayContaining(['AcceptedJob', 'Error', 'JobStatus', 'PendingJob']));
  });

  it('has an operation of each workflow that there is when it is asked for, with examples', async () => {
    const source = new GrowingSource();
    const catalogue = new WorkflowCatalogue(workflows, source);
    const growing = createApp({ ...stack.services, workflows: catalogue }, stack.config);
    const before = (await request(growing).get('/openapi.json')).body;
    expect((await request(growing).get('/openapi.json')).body).toEqual(before);
    expect((await request(growing).post('/api/async/negative')).status).toBe(404);
    source.become([{ ...invertImage, type: 'negative' }]);
    const { paths } = (await request(growing).get('/openapi.json')).body;
    expect(Object.keys(paths)).toHaveLength(Object.keys(before.paths).length + 2);
    const { responses, requestBody } = paths['/api/async/negative'].post;
    asyncAnswer.parse(responses[202].content['application/json'].example);
    syncAnswer.parse(responses[200].content['application/json'].example);
    expect(JSON.stringify(responses)).toContain(`${invertImage.title}: job accepted.`);
    expect(requestBody.content['multipart/form-data'].schema.required).toEqual(['imageFile']);
    expect((await request(growing).post('/api/async/NEGATIVE/')).body.code).toBe('NO_IMAGE');
    expect((await request(growing).get('/api/negative')).headers['allow']).toBe('POST');
    source.become([]);
    expect((await request(growing).post('/api/async/negative')).status).toBe(404);
    expect((await request(growing).get('/openapi.json')).body).toEqual(before);
  });

  it('names the parameters of each path', () => {
    for (const { id, path, request: { path: schema } = {} } of allEndpoints(workflows)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect([id, Object.keys(schema?.shape ?? {})]).toEqual([id, names]);
    }
  });

  it('has an example for every JSON answer, each as its schema says', () => {
    const missing: string[] = [];
    // A workflow that has none of its own is shown with those of a built-in one.
    const shown = workflows.filter(({ type }) => DOCUMENTED.includes(type));
    for (const { id, responses } of allEndpoints(shown)) {
      for (const [status, { schema }] of Object.entries(responses)) {
        if (!schema) continue;
        const example = examples[`${id}_${status}`];
        if (example === undefined) missing.push(`${id}_${status}`);
        else schema.parse(example);
      }
    }
    // A document is not an example of itself.
    expect(missing).toEqual(['comfy_openapi_200', 'openapi_200']);
    for (const [name, example] of Object.entries(examples)) {
      if (name.startsWith('error_')) errorAnswer.parse(example);
    }
  });
});

describe('the docs page', () => {
  it('comes whole from this server', async () => {
    const page = await request(app).get('/docs');
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => String(link));
    expect(links.length).toBeGreaterThanOrEqual(4);
    for (const link of links) {
      expect(link).toMatch(/^\/(docs\/|$)/);
      expect((await request(app).get(link)).status, link).toBe(200);
    }
    expect((await request(app).get('/docs/assets/nothing')).status).toBe(404);
  });
});

describe('the documents made from it', () => {
  it('API_Reference.md is up to date (npm run documents)', () => {
    expect(read('API_Reference.md')).toBe(renderApiReference(workflows));
  });

  it('the Postman collection is up to date, with every operation and tests that assert', () => {
    const collection = createPostmanCollection(workflows);
    expect(JSON.parse(read('ComfyUI-Express-Middleware.postman_collection.json'))).toEqual(collection);
    const { item: folders } = collection as {
      item: Array<{ name: string; item: Array<{ event: Array<{ script: { exec: string[] } }> }> }>;
    };
    expect(folders.map(({ name }) => name)).toEqual([
      'Image Processing',
      'Async Processing',
      'Job Management',
      'Health & Status',
      'Detailed Metrics',
      'Circuit Breakers',
      'Instances',
      'Comfy API v2',
    ]);
    const items = folders.flatMap(({ item }) => item);
    // The stream of server events never ends.
    const operations = allEndpoints(workflows).filter(
      ({ tag, id }) => tag !== 'Documents' && id !== 'events',
    );
    expect(items).toHaveLength(operations.length + 1);
    for (const { event } of items) expect(event[0]?.script.exec.join('')).toContain('pm.test(');
  });
});

describe('the monitoring files', () => {
  it('use no metric that is not exported', async () => {
    await stack.client.process('remove-background', await png());
    const { families } = await scrape(stack.client);
    const used = new Set(
      ['grafana-dashboard.json', 'prometheus-alerts.yml', 'Operations.md'].flatMap(
        (file) => read(file).match(/\b(?:comfyui_middleware|nodejs|process)_[a-z0-9_]+[a-z0-9]\b/g) ?? [],
      ),
    );
    used.delete('process_');
    expect(used.size).toBeGreaterThan(14);
    for (const name of used) {
      const family = name.replace(/_bucket$/, '');
      expect(families.has(family), name).toBe(true);
    }
    // Our own metrics are documented.
    const own = [...families.keys()].filter((name) => name.startsWith('comfyui_middleware_'));
    for (const name of own) expect(read('Operations.md'), name).toContain(`\`${name}\``);
  });

  it('alert on counters that exist from the start: Prometheus sees no increase in a first value', async () => {
    const fresh = await Stack.start({ simulators: [{}] });
    const { samples } = await scrape(fresh.client);
    await fresh.stop();
    const counters = [
      ...read('prometheus-alerts.yml').matchAll(
        /(?:rate|increase)\((\w+_total)(?:\{(\w+)(!?=~?)"(.+?)"\})?\[/g,
      ),
    ];
    expect(counters.length).toBeGreaterThan(5);
    for (const [text, counter, label = '', relation = '=~', value = '.*'] of counters) {
      const matcher = new RegExp(`^(?:${value})$`);
      const found = samples.filter(({ name, labels }) => {
        return name === counter && matcher.test(labels[label] ?? '') !== relation.startsWith('!');
      });
      expect(
        found.map((sample) => sample.value),
        text,
      ).not.toEqual([]);
    }
  });

  it('list every line of the log by its message', () => {
    const sources = path.resolve(import.meta.dirname, '../../src');
    const messages = readdirSync(sources, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [
        ...readFileSync(path.join(sources, file), 'utf8').matchAll(
          /(?:log|logger|winston)\.(?:error|warn|info|debug)\(\s*'([^']+)'/g,
        ),
      ])
      .map(([, message]) => String(message));
    expect(messages.length).toBeGreaterThan(25);
    const operations = read('Operations.md');
    const unlisted = messages.filter((message) => !operations.includes(`\`${message}\``));
    expect(unlisted).toEqual([]);
  });
});
