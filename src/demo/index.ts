import { once } from 'node:events';
import { access, constants, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { messageOf } from '../errors.js';
import { DemoServers } from './DemoServers.js';
import { showWorkflows } from './tour.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DEFAULT_PORT = 3000;
/** What ends the demo. A closed terminal sends SIGHUP. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

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
  const { once: isOneRun, out, port: wanted } = readOptions();
  // Before the first process starts: it would survive a signal that nobody handles.
  const stopping = whenToStop();
  const servers = new DemoServers(stopping);
  try {
    await prepare(out);
    const usual = isOneRun ? [0] : [DEFAULT_PORT, 0];
    const { baseUrl, hosts } = await servers.start(wanted === undefined ? usual : [wanted]);
    say(`Server on ${baseUrl}, simulated ComfyUI on ${hosts.join(' and ')}.\n`);
    await showWorkflows({ baseUrl, samples: path.join(ROOT, 'data', 'samples'), out, stopping });
    say(`\nBefore and after: ${path.relative(process.cwd(), out) || '.'}`);
    if (!isOneRun) await serve(baseUrl, stopping);
    return 0;
  } catch (error) {
    if (stopping.aborted) say('\nStopping …');
    else process.stderr.write(`\nThe demo failed: ${messageOf(error)}\n`);
    return 1;
  } finally {
    await servers.stop();
  }
}

/** Creates the folder for the images. @throws Error if images cannot be saved there */
async function prepare(out: string): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
    await access(out, constants.W_OK);
  } catch (error) {
    throw new Error(`Images cannot be saved: ${messageOf(error)}. Choose another folder with --out.`);
  }
}

/** Aborts at the first signal, and if the output can no longer be written. */
function whenToStop(): AbortSignal {
  const controller = new AbortController();
  const stop = () => controller.abort();
  // A signal may come twice, from the terminal and from npm: the second one must not interrupt the shutdown.
  for (const signal of SIGNALS) process.on(signal, stop);
  // Without a listener, writing to a closed terminal or pipe would end the demo at once.
  for (const output of [process.stdout, process.stderr]) output.on('error', stop);
  return controller.signal;
}

async function serve(baseUrl: string, stopping: AbortSignal): Promise<void> {
  say('\nThe server keeps running until Ctrl-C. Try:\n');
  say(`  a browser on ${baseUrl}/`);
  say(
    `  curl -F imageFile=@data/samples/product.jpg -H 'Accept: image/*' -o cut-out.png ${baseUrl}/api/remove-background`,
  );
  say(`  curl ${baseUrl}/health`);
  if (!stopping.aborted) await once(stopping, 'abort');
  say('\nStopping …');
}

process.exitCode = await main();
