import { z } from 'zod';
import { type Endpoint, TAGS } from '../src/routes/Endpoint.js';
import { allEndpoints } from '../src/routes/endpoints.js';
import type { Workflow } from '../src/workflows/types.js';

const SCHEMA = 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json';

/** Variables of the collection that stand for parameters in a path. */
const VARIABLES: Readonly<Record<string, string>> = {
  id: 'jobId',
  host: 'instanceHost',
  name: 'breakerName',
  index: 'outputIndex',
  type: 'workflowType',
};

/** Operations that only make sense after others, in the order of a flow: submit, wait, fetch, tidy up. */
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
];

/** A graph that ComfyUI runs without further nodes. */
const GRAPH = {
  '1': { class_type: 'LoadImage', inputs: { image: 'example.png' } },
  '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'inverted' } },
};

interface Item {
  readonly name: string;
  readonly event?: readonly object[];
  readonly request: object;
}

/** The Postman collection: every endpoint in its folder, with tests that assert. */
export function createPostmanCollection(workflows: readonly Workflow[]): object {
  // A stream without end is nothing that a run could wait for.
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
    // An empty key is none, which is right for a server without keys.
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{apiKey}}', type: 'string' }] },
    variable: [
      { key: 'baseUrl', value: 'http://127.0.0.1:3000' },
      { key: 'apiKey', value: '' },
      { key: 'jobId', value: '' },
      { key: 'instanceHost', value: '' },
      { key: 'breakerName', value: 'instance-1' },
      { key: 'outputIndex', value: '0' },
      { key: 'workflowType', value: 'my-flow' },
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
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => `{{${VARIABLES[name]}}}`);
  return { raw: `{{baseUrl}}${filled}`, host: ['{{baseUrl}}'], path: filled.slice(1).split('/') };
}

/** What it sends; undefined where it takes no body. */
function bodyOf(endpoint: Endpoint): object | undefined {
  if (endpoint.id === 'put_workflow') {
    const raw = JSON.stringify({ graph: GRAPH }, null, 2);
    return { mode: 'raw', raw, options: { raw: { language: 'json' } } };
  }
  const form = formOf(endpoint);
  return form ? { mode: 'formdata', formdata: form } : undefined;
}

/** The fields of its form; undefined where it takes none. */
function formOf({ request }: Endpoint): object[] | undefined {
  const form = request?.body?.['multipart/form-data'];
  if (!(form instanceof z.ZodObject)) return undefined;
  return Object.keys(form.shape).map((key) =>
    key === 'imageFile'
      ? { key, type: 'file', src: '{{imagePath}}' }
      : { key, type: 'text', value: '', disabled: true },
  );
}

/** What each request must come back with. The cancelled job of the flow is finished: a 409 is right there. */
function testsOf(endpoint: Endpoint): string[] {
  const { id, tag, responses } = endpoint;
  const status = statusOf(endpoint);
  const { schema, types } = responses[status] ?? {};
  const lines =
    id === 'put_workflow'
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
  } else if (id === 'job_output') {
    lines.push("pm.test('has bytes', () => pm.expect(pm.response.responseSize).to.be.above(0));");
  } else {
    lines.push(
      "pm.test('has our figures', () => pm.expect(pm.response.text()).to.include('comfyui_middleware_'));",
    );
  }
  if (tag === TAGS.asynchronous) {
    lines.push("pm.collectionVariables.set('jobId', pm.response.json().job_id);");
  }
  if (id === 'health') {
    lines.push(
      "pm.collectionVariables.set('instanceHost', pm.response.json().comfyui_instances.instances[0].host);",
    );
  }
  return lines;
}

/** What comes of a request in the flow: a job is submitted and not waited for, and finished when it is cancelled. */
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

/** Asks until the submitted job is completed. */
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
