import { afterEach, describe, expect, it } from 'vitest';
import { JobNotCompleted, type JobStatus, MiddlewareClient } from '../../src/client/index.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';
import { colourOf, png } from '../support/pictures.js';
import { RecordingWorkflows } from '../support/recordingWorkflows.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { WEBHOOK_SECRET, WebhookReceiver } from '../support/WebhookReceiver.js';

let stack: Stack;
let recording: RecordingWorkflows;
const servers = new HttpServers();
afterEach(async () => {
  servers.close();
  await stack.stop();
});

async function start(options: StackOptions = {}): Promise<MiddlewareClient> {
  recording = new RecordingWorkflows();
  stack = await Stack.start({ ...options, overrides: { workflows: recording.all } });
  return new MiddlewareClient({ baseUrl: stack.client.baseUrl });
}

/** The arguments of the built graphs: the bytes of each file, and the parameters. */
const received = () =>
  recording.built.map(({ files, parameters }) => ({
    files: Object.fromEntries([...files].map(([name, { bytes }]) => [name, bytes.toString('base64')])),
    parameters,
  }));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

/** Returns the error of the rejected promise. */
const caught = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('the client, with any workflow,', () => {
  it('runs it in one call, with files and values, and hands over what it made', async () => {
    const client = await start();
    const photo = await png({ width: 30 });
    const notes = new TextEncoder().encode('for the shop');
    const seen: JobStatus[] = [];
    const inputs = {
      photo: new Blob([new Uint8Array(photo)]),
      notes,
      prompt: 'a boat',
      steps: 4,
      seed: 2n ** 60n,
    };
    const onStatus = (status: JobStatus) => seen.push(status);
    const { jobId, outputs, seed, warnings } = await client.run(
      'collage',
      { ...inputs, mask: undefined },
      { onStatus },
    );
    expect(received()).toEqual([
      {
        files: { photo: base64(photo), notes: base64(notes) },
        parameters: { prompt: 'a boat', steps: 4, seed: String(2n ** 60n) },
      },
    ]);
    expect([seed, warnings, seen.at(-1)?.job_id]).toEqual([undefined, [], jobId]);
    expect(outputs).toHaveLength(1);
    const [made] = outputs;
    expect(made).toMatchObject({ name: 'image', kind: 'image', mimeType: 'image/png', width: 8, height: 8 });
    const bytes = await made.bytes();
    expect(bytes).toHaveLength(made.sizeBytes);
    const blob = await made.blob();
    expect([blob.type, blob.size]).toEqual(['image/png', made.sizeBytes]);
    expect((await made.response()).headers.get('Content-Type')).toBe('image/png');
  });

  it('takes the addresses of files, beside bytes too, and waits in one request', async () => {
    const photo = await png();
    const baseUrl = await servers.listen((_request, response) => response.end(photo));
    const client = await start({ env: { INPUT_URL_ALLOWED_HOSTS: '127.0.0.1' } });
    const right = await png({ colour: colourOf(5) });
    const { outputs, seed } = await client.runNow('pair', {
      left: new URL('/a.png', baseUrl),
      right,
      seed: null,
    });
    await client.runNow('pair', { left: `${baseUrl}/a.png`, right, prompt: 'https://is.a/text' });
    await client.runNow('dream', { prompt: '', unknown: true }).then(({ warnings }) => {
      expect(warnings.join()).toContain('unknown');
    });
    const files = { left: base64(photo), right: base64(right) };
    expect(received()).toMatchObject([
      { files, parameters: { seed } },
      { files, parameters: { prompt: 'https://is.a/text' } },
      { files: {}, parameters: { prompt: '' } },
    ]);
    expect((await outputs[0].bytes()).length).toBe(outputs[0].sizeBytes);
  });

  it('says why there is no result', async () => {
    const client = await start();
    expect(await caught(client.run('sing', {}))).toMatchObject({ code: 'NO_IMAGE' });
    stack.simulator().faults.failNodes.set('EmptyImage', { type: 'ValueError', message: 'out of paint' });
    const failed = await caught(client.run('dream', { prompt: 'a' }));
    expect(failed).toBeInstanceOf(JobNotCompleted);
    expect(failed).toMatchObject({ status: { status: 'failed', type: 'dream' } });
    expect(String(failed)).toContain('out of paint');
    expect(String(await caught(client.runNow('dream', {})))).toContain('out of paint');
    stack.simulator().faults.failNodes.clear();
    stack.simulator().faults.hang = true;
    const over = new AbortController();
    const running = client.run(
      'dream',
      {},
      { signal: over.signal, onStatus: () => over.abort(new Error('enough')) },
    );
    await expect(running).rejects.toThrow('enough');
    const [newest] = (await client.jobs({ type: 'dream', limit: 1 })).jobs;
    expect(newest?.status).toBe('cancelled');
    stack.simulator().faults.hang = false;
  });

  it('lists jobs, deletes them, and has their end posted to a webhook', async () => {
    const client = await start({ env: { WEBHOOK_SECRET, WEBHOOK_ALLOWED_HOSTS: '127.0.0.1' } });
    const { url, messages } = await WebhookReceiver.start(servers);
    const { jobId } = await client.run(
      'dream',
      {},
      { webhook: { url, events: ['completed'], withImage: true } },
    );
    await client.run('dream', {}, { webhook: { url, events: ['failed'] } });
    await eventually(() => expect(messages).toHaveLength(1));
    expect(messages[0]?.data).toMatchObject({ job_id: jobId, outputs: [{ kind: 'image' }] });
    expect(await client.jobs({ status: 'failed' })).toMatchObject({ jobs: [], total: 0 });
    const { jobs, total } = await client.jobs({ type: 'dream', limit: 1, offset: 1 });
    expect([jobs.map(({ id }) => id), total]).toEqual([[jobId], 2]);
    await client.delete(jobId);
    expect(await caught(client.status(jobId))).toMatchObject({ code: 'JOB_NOT_FOUND' });
  });
});
