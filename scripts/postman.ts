import { z } from 'zod';
import { type Endpoint, TAGS } from '../src/routes/Endpoint.js';
import { allEndpoints } from '../src/routes/endpoints.js';
import type { Workflow } from '../src/workflows/types.js';

const SCHEMA = 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json';

/** Variables of the collection for path parameters. */
const VARIABLES: Readonly<Record<string, string>> = {
  id: 'jobId',
  host: 'instanceHost',
  name: 'breakerName',
  index: 'outputIndex',
  type: 'workflowType',
  hash: 'assetHash',
};

/** The same for the ids of the Comfy API v2, by path prefix. */
const COMFY_IDS: readonly [prefix: string, variable: string][] = [
  ['/api/v2/jobs/', 'comfyJobId'],
  ['/api/v2/assets/', 'assetId'],
];

/** Operations that need others before them, in order: submit, wait, fetch, delete. */
const FLOW_ORDER = [
  'job_status',
  'job_events',
  'job_result',
  'job_result_image',
  'job_output',
  'job_thumbnail',
  'job_info',
  'cancel_job',
  'delete_job',
  'put_workflow',
  'workflow',
  'delete_workflow',
  'comfy_upload_asset',
  'comfy_asset_by_hash',
  'comfy_asset_from_hash',
  'comfy_asset',
  'comfy_asset_content',
  'comfy_submit_job',
  'comfy_job_events',
  'comfy_job',
  'comfy_job_workflow',
  'comfy_list_jobs',
  'comfy_cancel_job',
  'comfy_delete_asset',
];

/** Operations that create something, or find that it exists. */
const MAY_BE_THERE: ReadonlySet<string> = new Set([
  'put_workflow',
  'comfy_upload_asset',
  'comfy_asset_from_hash',
]);

/** A graph that ComfyUI runs without custom nodes. */
const GRAPH = {
  '1': { class_type: 'LoadImage', inputs: { image: 'example.png' } },
  '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'inverted' } },
};

/** JSON bodies, by operation. */
const BODIES: Readonly<Record<string, object>> = {
  put_workflow: { graph: GRAPH },
  add_instance: { url: 'http://127.0.0.1:9', name: 'gpu-3', max_jobs: 1, labels: ['large'] },
  change_instance: { state: 'draining' },
  comfy_asset_from_hash: { hash: '{{assetHash}}', file_path: 'copy.jpg' },
  comfy_submit_job: {
    workflow: {
      ...GRAPH,
      '1': {
        class_type: 'LoadImage',
        inputs: { image: { __type: 'core/ASSET', info: { id: '{{assetId}}' } } },
      },
    },
    metadata: 'from Postman',
  },
};

interface Item {
  readonly name: string;
  readonly event?: readonly object[];
  readonly request: object;
}

/** Creates the Postman collection: every endpoint in its folder, with tests. */
export function createPostmanCollection(workflows: readonly Workflow[]): object {
  // A run cannot wait for an endless stream.
  const endpoints = allEndpoints(workflows).filter(
    ({ tag, id }) => tag !== TAGS.documents && id !== 'events',
  );
  const folders = Object.values(TAGS)
    .filter((tag) => tag !== TAGS.documents)
    .map((tag) => ({ name: tag, item: itemsOf(tag, endpoints) }));
  return {
    info: {
      name: 'ComfyUI Express Middleware',
      description:
        'Every endpoint. If the server has keys, set the variable apiKey to one with the scope admin. Choose an image for the requests of the first two folders, then run the collection from top to bottom: Async Processing submits a job and waits for it, Job Management downloads and deletes it.',
      schema: SCHEMA,
    },
    // An empty key counts as none, which suits a server without keys.
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{apiKey}}', type: 'string' }] },
    variable: [
      { key: 'baseUrl', value: 'http://127.0.0.1:3000' },
      { key: 'apiKey', value: '' },
      { key: 'jobId', value: '' },
      { key: 'instanceHost', value: '' },
      { key: 'breakerName', value: 'instance-1' },
      { key: 'outputIndex', value: '0' },
      { key: 'workflowType', value: 'my-flow' },
      { key: 'assetId', value: '' },
      { key: 'assetHash', value: '' },
      { key: 'comfyJobId', value: '' },
      { key: 'imagePath', value: 'data/samples/product.jpg' },
    ],
    item: folders,
  };
}

function itemsOf(tag: string, endpoints: readonly Endpoint[]): Item[] {
  const own = endpoints
    .filter((endpoint) => endpoint.tag === tag)
    .sort((a, b) => FLOW_ORDER.indexOf(a.id) - FLOW_ORDER.indexOf(b.id));
  const items = own.map(item);
  if (tag !== TAGS.asynchronous) return items;
  return [...items, waitItem()];
}

function item(endpoint: Endpoint): Item {
  const { summary, method, path } = endpoint;
  const body = bodyOf(endpoint);
  return {
    name: `${method.toUpperCase()} ${path}`,
    event: [script('test', testsOf(endpoint))],
    request: {
      method: method.toUpperCase(),
      description: summary,
      url: urlOf(path),
      header: [],
      ...(body ? { body } : {}),
    },
  };
}

function urlOf(path: string): object {
  const comfyId = COMFY_IDS.find(([prefix]) => path.startsWith(prefix))?.[1];
  const variableOf = (name: string) => (name === 'id' ? (comfyId ?? VARIABLES[name]) : VARIABLES[name]);
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => `{{${variableOf(name)}}}`);
  return { raw: `{{baseUrl}}${filled}`, host: ['{{baseUrl}}'], path: filled.slice(1).split('/') };
}

/** The body of a request; undefined if it has none. */
function bodyOf(endpoint: Endpoint): object | undefined {
  const json = BODIES[endpoint.id];
  if (json) {
    const raw = JSON.stringify(json, null, 2);
    return { mode: 'raw', raw, options: { raw: { language: 'json' } } };
  }
  const form = formOf(endpoint);
  return form ? { mode: 'formdata', formdata: form } : undefined;
}

/** The form fields of a request; undefined if it has no form. */
function formOf({ request }: Endpoint): object[] | undefined {
  const form = request?.body?.['multipart/form-data'];
  if (!(form instanceof z.ZodObject)) return undefined;
  return Object.keys(form.shape).map((key) =>
    key === 'imageFile' || key === 'file'
      ? { key, type: 'file', src: '{{imagePath}}' }
      : { key, type: 'text', value: '', disabled: true },
  );
}

/** The expected response of each request. The cancelled job of the flow is finished, so a 409 is correct. */
function testsOf(endpoint: Endpoint): string[] {
  const { id, tag, responses } = endpoint;
  const status = statusOf(endpoint);
  const { schema, types } = responses[status] ?? {};
  const lines = MAY_BE_THERE.has(id)
    ? ["pm.test('status is 200 or 201', () => pm.expect(pm.response.code).to.be.oneOf([200, 201]));"]
    : [`pm.test('status is ${status}', () => pm.response.to.have.status(${status}));`];
  if (id === 'cancel_job') {
    lines.push(
      "pm.test('says that the job is finished', () => pm.expect(pm.response.json().code).to.eql('JOB_ALREADY_FINISHED'));",
    );
  } else if (schema) {
    lines.push("pm.test('answers in JSON', () => pm.response.to.be.json);");
    lines.push(...requiredFields(schema));
  } else if (types?.[0]?.startsWith('image/')) {
    lines.push(
      "pm.test('is an image', () => pm.expect(pm.response.headers.get('Content-Type')).to.match(/^image\\//));",
    );
  } else if (id === 'job_events') {
    lines.push(
      "pm.test('tells the end', () => pm.expect(pm.response.text()).to.match(/^event: ?completed$/m));",
    );
  } else if (id === 'comfy_job_events') {
    lines.push(
      'pm.test(\'tells the end\', () => pm.expect(pm.response.text()).to.include(\'"status":"succeeded"\'));',
    );
  } else if (id === 'job_output' || id === 'comfy_asset_content') {
    lines.push("pm.test('has bytes', () => pm.expect(pm.response.responseSize).to.be.above(0));");
  } else if (types) {
    lines.push(
      "pm.test('has our figures', () => pm.expect(pm.response.text()).to.include('comfyui_middleware_'));",
    );
  }
  if (tag === TAGS.asynchronous) {
    lines.push("pm.collectionVariables.set('jobId', pm.response.json().job_id);");
  }
  if (id === 'comfy_upload_asset') {
    lines.push(
      'const asset = pm.response.json();',
      "pm.collectionVariables.set('assetId', asset.id);",
      "pm.collectionVariables.set('assetHash', asset.hash);",
    );
  }
  if (id === 'comfy_submit_job')
    lines.push("pm.collectionVariables.set('comfyJobId', pm.response.json().id);");
  if (id === 'health') {
    lines.push(
      "pm.collectionVariables.set('instanceHost', pm.response.json().comfyui_instances.instances[0].host);",
    );
  }
  return lines;
}

/** The expected status of a request in the flow: a job is submitted asynchronously, and is finished when it is cancelled. */
function statusOf({ id, tag, responses }: Endpoint): number {
  if (id === 'cancel_job') return 409;
  return tag === TAGS.asynchronous ? 202 : Number(Object.keys(responses)[0]);
}

function requiredFields(schema: z.ZodType): string[] {
  const names = schema instanceof z.ZodObject ? Object.keys(schema.shape).slice(0, 4) : [];
  if (names.length === 0) return [];
  const list = names.map((name) => `'${name}'`).join(', ');
  return [`pm.test('has its fields', () => pm.expect(pm.response.json()).to.include.any.keys(${list}));`];
}

/** Polls until the submitted job is completed. */
function waitItem(): Item {
  return {
    name: 'Wait for the job',
    event: [
      script('test', [
        'const status = pm.response.json();',
        "pm.test('has not failed', () => pm.expect(status.status).to.be.oneOf(['pending', 'processing', 'completed']));",
        "if (status.status !== 'completed') {",
        '  setTimeout(() => {}, 250);',
        "  pm.execution.setNextRequest('Wait for the job');",
        '} else {',
        "  pm.test('is completed', () => pm.expect(status.progress_percentage).to.eql(100));",
        '}',
      ]),
    ],
    request: {
      method: 'GET',
      description: 'Polls the status of the last submitted job until it is completed.',
      url: urlOf('/api/jobs/{id}/status'),
      header: [],
    },
  };
}

function script(listen: string, exec: readonly string[]): object {
  return { listen, script: { type: 'text/javascript', exec } };
}
