import { parseArgs } from 'node:util';
import { addressOf, startControl } from './control.js';
import { DiskFolders } from './DiskFolders.js';
import { Simulator } from './index.js';

const USAGE = `Usage: npm run simulator -- [--port 8188] [--host 127.0.0.1] [--work 500] [--older] [--echo] [--control 8189]
                            [--folder DIR] [--png-cost 1] [--cache-size 100] [--disable-metadata] [--other-classes 1500]

  --port   port to listen on (8188)
  --host   address to listen on (127.0.0.1)
  --work   milliseconds of model work for each of the model nodes (500)
  --older  behave like an older ComfyUI: no prompt ids of the client's, no execution_success
  --echo   hand images on as they are, with no work but that of --work: for benchmarks
  --folder directory for the input, temp and output folders; simulators with the same one share them
  --png-cost
           let images take as long as in ComfyUI to decode and write, or this share of it (0)
  --cache-size
           results of nodes to keep, as with ComfyUI's --cache-lru
  --disable-metadata
           leave the prompt out of PNG files
  --other-classes
           node classes that installed packs add (0)
  --control
           port on which mischief is started and ended (POST, DELETE, GET /), and the work set (PUT); 0 for any`;

/** Runs one simulated ComfyUI until it gets a signal. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8188' },
      host: { type: 'string', default: '127.0.0.1' },
      work: { type: 'string', default: '500' },
      older: { type: 'boolean', default: false },
      echo: { type: 'boolean', default: false },
      folder: { type: 'string' },
      'png-cost': { type: 'string', default: '0' },
      'cache-size': { type: 'string' },
      'disable-metadata': { type: 'boolean', default: false },
      'other-classes': { type: 'string', default: '0' },
      control: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const simulator = new Simulator({
    generation: values.older ? 'older' : 'current',
    pngCost: Number(values['png-cost']),
    disableMetadata: values['disable-metadata'],
    otherClasses: Number(values['other-classes']),
    ...(values['cache-size'] === undefined ? {} : { cacheSize: Number(values['cache-size']) }),
    ...(values.folder === undefined ? {} : { folders: new DiskFolders(values.folder) }),
    ...(values.echo ? { isEcho: true, historyDelayMs: 0 } : {}),
  });
  simulator.setWork(Number(values.work));
  await simulator.start(Number(values.port), values.host);
  process.stdout.write(`Simulated ComfyUI listens on ${simulator.host}\n`);
  if (values.control !== undefined) {
    const control = await startControl(simulator, Number(values.control), values.host);
    process.stdout.write(`Controlled on ${addressOf(control)}\n`);
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void simulator.stop().then(() => process.exit(0)));
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
  process.exitCode = 1;
});
