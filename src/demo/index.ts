import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { messageOf } from '../errors.js';
import { asyncAnswer, jobStatusAnswer } from '../schemas/jobs.js';
import { Child } from './children.js';
import { ProgressBar } from './progress.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DEFAULT_PORT = 3000;
const SIMULATED_WORK_MS = 600;
const POLL_MS = 50;

/** The workflows to run and their images. */
const TOUR = [
  { workflow: 'remove-background', sample: 'product.jpg' },
  { workflow: 'upscale-image', sample: 'transparent-badge.png' },
  { workflow: 'upscale-remove-bg', sample: 'phone-photo.jpg' },
] as const;

const HELP = `Starts two simulated ComfyUI machines and the server, and runs an image through every workflow.

  npm run demo                      keeps serving until Ctrl-C
  npm run demo -- --once            ends after the workflows, with exit code 0 or 1
  npm run demo -- --port 4000       port of the server, also PORT=4000; ${DEFAULT_PORT} by default, or any free port if it is taken
  npm run demo -- --out FOLDER      where the images are saved; data/demo by default`;

const say = (line = '') => process.stdout.write(`${line}\n`);

/** Options of the command line. Ends the process with a message if they are invalid, or if help was requested. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: 'boolean', default: false },
        out: { type: 'string', default: path.join(ROOT, 'data', 'demo') },
        port: { type: 'string', default: '' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    // One run takes any port: it must not fail because a server is running.
    const wanted = values.port || (values.once ? '' : process.env['PORT']);
    const port = wanted ? Number(wanted) : undefined;
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536)) {
      throw new Error(`The port must be a number from 0 to 65535, not ${JSON.stringify(wanted)}.`);
    }
    if (!values.help) return { once: values.once, out: values.out, port };
    say(HELP);
    return process.exit(0);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${HELP}\n`);
    return process.exit(1);
  }
}

/** Starts two simulated ComfyUI machines and the server, and runs a real image through every workflow over HTTP. */
async function main(): Promise<number> {
  const { once, out, port: wanted } = readOptions();
  const children: Child[] = [];
  // The demo must not change the metrics of a server that is otherwise run here.
  const scratch = await mkdtemp(path.join(tmpdir(), 'comfyui-demo-'));
  try {
    const simulators = [1, 2].map(() => startSimulator());
    children.push(...simulators);
    const hosts = await Promise.all(simulators.map((child) => child.says(/listens on (\S+)/)));
    const port = wanted ?? (once ? 0 : await freePort(DEFAULT_PORT));
    const server = startServer(port, hosts, path.join(scratch, 'metrics.json'));
    children.unshift(server);
    const baseUrl = `http://127.0.0.1:${await server.says(/"message":"Listening","port":(\d+)/)}`;
    await server.says(/"message":("Instance")/);
    say(`Server on ${baseUrl}, simulated ComfyUI on ${hosts.join(' and ')}.\n`);
    await mkdir(out, { recursive: true });
    for (const [index, { workflow, sample }] of TOUR.entries()) {
      await showWorkflow(baseUrl, workflow, sample, path.join(out, `${index + 1}-${workflow}`));
    }
    say(`\nBefore and after: ${path.relative(process.cwd(), out) || '.'}`);
    if (!once) await serveUntilSignal(baseUrl);
    return 0;
  } catch (error) {
    process.stderr.write(`\nThe demo failed: ${messageOf(error)}\n`);
    return 1;
  } finally {
    for (const child of children) await child.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

function startSimulator(): Child {
  const script = new URL('../simulator.bundle.js', import.meta.url);
  return new Child('simulator', script, ['--port', '0', '--work', String(SIMULATED_WORK_MS)], {});
}

function startServer(port: number, hosts: readonly string[], metricsFile: string): Child {
  return new Child('server', new URL('../server.bundle.js', import.meta.url), [], {
    PORT: String(port),
    HOST: '127.0.0.1',
    LOG_DIR: '',
    METRICS_FILE_PATH: metricsFile,
    STATE_DIR: path.join(path.dirname(metricsFile), 'state'),
    COMFYUI_HOST: hosts.join(','),
  });
}

/** Returns the preferred port, or 0 for any free port if it is in use. */
async function freePort(preferred: number): Promise<number> {
  const probe = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(preferred, '127.0.0.1', () => resolve(true));
  });
  await new Promise((resolve) => probe.close(resolve));
  return isFree ? preferred : 0;
}

/** Submits a job, follows it, fetches the result and saves both images. */
async function showWorkflow(
  baseUrl: string,
  workflow: string,
  sample: string,
  target: string,
): Promise<void> {
  const before = await readFile(path.join(ROOT, 'data', 'samples', sample));
  const form = new FormData();
  form.set('imageFile', new Blob([new Uint8Array(before)]), sample);
  const accepted = await fetch(`${baseUrl}/api/async/${workflow}`, { method: 'POST', body: form });
  if (accepted.status !== 202) throw new Error(`${workflow}: ${accepted.status} ${await accepted.text()}`);
  const { job_id } = asyncAnswer.parse(await accepted.json());
  await follow(baseUrl, job_id, new ProgressBar(workflow));
  const result = await fetch(`${baseUrl}/api/jobs/${job_id}/result/image`);
  if (result.status !== 200) throw new Error(`${workflow}: no result (${result.status})`);
  await writeFile(`${target}-before${path.extname(sample)}`, before);
  await writeFile(`${target}-after.png`, Buffer.from(await result.arrayBuffer()));
}

async function follow(baseUrl: string, id: string, bar: ProgressBar): Promise<void> {
  for (;;) {
    const response = await fetch(`${baseUrl}/api/jobs/${id}/status`);
    const status = jobStatusAnswer.parse(await response.json());
    const node = status.status === 'processing' ? (status.current_node ?? '') : status.status;
    bar.update(status.progress_percentage, node);
    if (status.status === 'failed') throw new Error(status.error);
    if (status.status === 'completed') break;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  bar.end();
}

async function serveUntilSignal(baseUrl: string): Promise<void> {
  say('\nThe server keeps running until Ctrl-C. Try:\n');
  say(`  a browser on ${baseUrl}/`);
  say(
    `  curl -F imageFile=@data/samples/product.jpg -H 'Accept: image/*' -o cut-out.png ${baseUrl}/api/remove-background`,
  );
  say(`  curl ${baseUrl}/health`);
  await new Promise<void>((resolve) => {
    // The signal may come twice, from the terminal and from npm: the second one must not interrupt the shutdown.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  say('\nStopping …');
}

process.exitCode = await main();
