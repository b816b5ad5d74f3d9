// Sends all documented requests to a server with simulated ComfyUI machines, and writes the responses to src/schemas/examples.ts:
// `npm run examples`, then `npm run documents`.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { historyAnswer } from '../src/schemas/metrics.js';
import { workflowsAnswer } from '../src/schemas/workflows.js';
import { colourOf, png } from '../test/support/pictures.js';
import { Stack } from '../test/support/stack.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const examples: Record<string, unknown> = {};
/** Number of minutes to keep of the last hour. */
const MINUTES_SHOWN = 3;

/** Truncates images, and gives machines typical names. */
function shorten(value: unknown, hosts: readonly string[]): unknown {
  let text = JSON.stringify(value).replace(/(;base64,.{16})[^"]*/g, '$1…');
  for (const [index, host] of hosts.entries()) text = text.replaceAll(host, `gpu${index + 1}:8188`);
  text = text.replace(/http:\/\/127\.0\.0\.1:\d+\/api\/v2/g, 'http://127.0.0.1:3000/api/v2');
  return JSON.parse(
    text.replace(/"file_path":"[^"]*metrics[^"]*"/g, '"file_path":"data/metrics/metrics.json"'),
  );
}

type Keep = (name: string, answer: Response | Promise<Response>) => Promise<Record<string, string>>;

/** Examples of the Comfy API v2. */
async function comfyExamples({ client }: Stack, keep: Keep): Promise<void> {
  const json = (body: object) => ({
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const upload = async () => {
    const form = new FormData();
    form.set('content_type', 'image/png');
    form.set('file_path', 'photo.png');
    form.set('file', new Blob([new Uint8Array(await png())]), 'photo.png');
    return client.request('/api/v2/assets', { method: 'POST', body: form });
  };
  const asset = await keep('comfy_upload_asset', upload());
  await keep('comfy_upload_asset', upload());
  const { id, hash } = asset;
  for (const _time of [1, 2]) {
    const body = { hash, file_path: 'copy.png' };
    await keep('comfy_asset_from_hash', client.request('/api/v2/assets/from-hash', json(body)));
  }
  await keep('comfy_asset', client.request(`/api/v2/assets/${id}`));
  const workflow = {
    '1': { class_type: 'LoadImage', inputs: { image: { __type: 'core/ASSET', info: { id } } } },
    '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'inverted' } },
  };
  const submitted = await keep('comfy_submit_job', client.request('/api/v2/jobs', json({ workflow })));
  const path = `/api/v2/jobs/${submitted['id']}`;
  // The events end with the job.
  await (await client.request(`${path}/events`)).text();
  await keep('comfy_job', client.request(path));
  await keep('comfy_job_workflow', client.request(`${path}/workflow`));
  await keep('comfy_list_jobs', client.request('/api/v2/jobs?limit=1'));
  await keep('comfy_cancel_job', client.request(`${path}/cancel`, { method: 'POST' }));
  await keep('comfy_health', client.request('/api/v2/health'));
  const unknown = { ...workflow, '2': { class_type: 'NoSuchNode', inputs: { image: ['1', 0] } } };
  await keep('comfy_error', client.request('/api/v2/jobs', json({ workflow: unknown })));
  await keep('comfy_error', client.request('/api/v2/jobs/none'));
}

/** A whole hour is too long to read. */
function shortenHistory(): void {
  const history = historyAnswer.parse(examples['history_200']);
  examples['history_200'] = { ...history, minutes: history.minutes.slice(-MINUTES_SHOWN) };
}

/** One workflow is enough as an example. */
function shortenWorkflows(): void {
  const { workflows } = workflowsAnswer.parse(examples['workflows_200']);
  examples['workflows_200'] = { workflows: workflows.slice(0, 1) };
}

async function main(): Promise<void> {
  const stack = await Stack.start({
    simulators: [1, 2].map(() => ({ workMs: { InspyrenetRembg: 120, ImageUpscaleWithModel: 200 } })),
    env: {
      METRICS_SAVE_INTERVAL: '300000',
      JOB_TIMEOUT: '3000',
      WORKFLOWS_DIR: await mkdtemp(path.join(tmpdir(), 'workflows-')),
    },
  });
  const { client } = stack;
  const hosts = stack.simulators.map(({ host }) => host);
  const keep = async (name: string, answer: Response | Promise<Response>) => {
    const response = await answer;
    const body: unknown = await response.json();
    examples[`${name}_${response.status}`] = shorten(body, hosts);
    return body as Record<string, string>;
  };
  const get = (name: string, url: string) => keep(name, client.request(url));
  const post = (name: string, url: string) => keep(name, client.request(url, { method: 'POST' }));
  const product = await readFile(path.join(ROOT, 'data/samples/product.jpg'));

  for (const type of ['remove-background', 'upscale-image', 'upscale-remove-bg']) {
    await keep(`process_${type}`, client.post(`/api/${type}`, product, { filename: 'product.jpg' }));
    const picture = await png({ colour: colourOf(50 + type.length) });
    const accepted = await keep(
      `process_${type}`,
      client.post(`/api/${type}`, picture, { fields: { async: 'true' } }),
    );
    await client.finished(String(accepted['job_id']));
    const again = await keep(`submit_${type}`, client.post(`/api/async/${type}`, picture));
    await client.finished(String(again['job_id']));
    const waited = client.post(`/api/async/${type}`, picture, { headers: { Prefer: 'wait=60' } });
    await keep(`submit_${type}`, waited);
  }

  stack.simulator(0).faults.hang = true;
  stack.simulator(1).faults.hang = true;
  const running = await client.submit('upscale-image', await png({ colour: colourOf(90) }));
  await client.until(running, (status) => 'current_node' in status);
  await get('job_status', `/api/jobs/${running}/status`);
  await get('error', `/api/jobs/${running}/result`);
  await get('processor_stats', '/api/jobs/processor/stats');
  await post('cancel_job', `/api/jobs/${running}/cancel`);
  await keep('error', client.post('/api/remove-background', await png({ colour: colourOf(91) })));
  for (const { faults } of stack.simulators) faults.hang = false;

  const done = await client.submit('remove-background', product);
  await client.finished(done);
  await get('job_result', `/api/jobs/${done}/result`);
  await get('job_info', `/api/jobs/${done}/info`);
  await get('list_jobs', '/api/jobs/list?limit=1&status=completed');
  await get('job_stats', '/api/jobs/stats');
  for (const { faults } of stack.simulators) {
    faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'cannot handle this' });
  }
  await keep('error', client.post('/api/remove-background', await png({ colour: colourOf(92) })));
  await keep('error', client.post('/api/upscale-image', product, { fields: { scale: '9' } }));
  await keep('error', client.post('/api/upscale-image', Buffer.from('just text')));
  await keep('error', client.post('/api/upscale-image', Buffer.alloc(10 * 1024 * 1024 + 1)));
  await get('error', '/api/jobs/none/status');
  await keep('delete_job', client.request(`/api/jobs/${done}`, { method: 'DELETE' }));
  await post('clean_up_jobs', '/api/jobs/cleanup');
  await get('session', '/api/session');
  for (const name of ['health', 'status', 'livez', 'readyz']) await get(name, `/${name}`);
  await get('workflows', '/api/workflows');
  shortenWorkflows();
  const graph = {
    '1': { class_type: 'LoadImage', inputs: { image: 'example.png' }, _meta: { title: 'Photo' } },
    '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'inverted' } },
  };
  for (const _time of [1, 2]) {
    await keep(
      'put_workflow',
      client.request('/api/workflows/my-flow', {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ graph }),
      }),
    );
  }
  await get('workflow', '/api/workflows/my-flow');
  await keep('delete_workflow', client.request('/api/workflows/my-flow', { method: 'DELETE' }));
  const keyed = (image: Buffer) =>
    client.post('/api/async/upscale-image', image, { headers: { 'Idempotency-Key': 'photo-1' } });
  const { job_id: first } = (await (await keyed(product)).json()) as { job_id: string };
  await client.finished(first);
  await keep('error', keyed(await png()));
  await comfyExamples(stack, keep);
  await get('status_metrics', '/status/metrics');
  await get('metrics', '/api/metrics');
  for (const name of ['performance', 'history', 'errors', 'instances'])
    await get(name, `/api/metrics/${name}`);
  shortenHistory();
  await get('instance', `/api/metrics/instances/${hosts[0]}`);
  await post('save_metrics', '/api/metrics/save');
  await get('persistence', '/api/metrics/persistence');
  await get('circuit_breakers', '/api/circuit-breakers');
  await get('list_instances', '/api/instances');
  const machine = (method: string, name: string, body?: object) =>
    client.request(`/api/instances${name}`, {
      method,
      ...(body ? { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) } : {}),
    });
  const another = { url: 'http://127.0.0.1:9', name: 'gpu-3', max_jobs: 1, labels: ['large'] };
  await keep('add_instance', machine('POST', '', another));
  await keep('error', machine('POST', '', another));
  await keep('change_instance', machine('PATCH', '/gpu-3', { state: 'draining' }));
  await keep('remove_instance', machine('DELETE', '/gpu-3'));
  await post('open_breaker', '/api/circuit-breakers/instance-1/open');
  await post('close_breaker', '/api/circuit-breakers/instance-1/close');
  for (const name of ['instance-1', 'instance-2']) {
    await client.request(`/api/circuit-breakers/${name}/open`, { method: 'POST' });
  }
  await keep('error', client.post('/api/upscale-image', product));
  for (const name of ['health', 'status']) await get(name, `/${name}`);
  await stack.stop();

  await writeFile(
    path.join(ROOT, 'src/schemas/examples.ts'),
    '/** Answers as they came in a run of the tests; written by `npm run examples`. Base64 is cut short. */\n' +
      `export const examples: Readonly<Record<string, unknown>> = ${JSON.stringify(examples, null, 2)};\n`,
  );
  process.stdout.write(`Wrote ${Object.keys(examples).length} examples.\n`);
}

await main();
