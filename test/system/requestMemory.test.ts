/** The memory of large requests after the end of their jobs. */
import { expect, it } from 'vitest';
import { startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/freePort.js';
import { NativeClient } from '../support/NativeClient.js';
import { ServerProcess } from '../support/process.js';

const REQUESTS = 40;
/** Too small for all of them. */
const HEAP_MB = 120;
const NOTES = 'lorem ipsum '.repeat(180_000);

const graph = (color: number) => ({
  'the image': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color } },
  'the picture': { class_type: 'PreviewImage', inputs: { images: ['the image', 0] } },
});

interface Ports {
  readonly native: NativeClient;
  readonly baseUrl: string;
}

/** Each request has texts that are kept, and are longer than what V8 copies. */
const SUBMIT: Readonly<Record<string, (n: number, ports: Ports) => Promise<number>>> = {
  "prompts of ComfyUI's page": async (n, { native }) => {
    const prompt_id = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
    const extra_pnginfo = { workflow: { id: prompt_id, notes: NOTES } };
    const { status } = await native.submit({ prompt: graph(n), prompt_id, extra_data: { extra_pnginfo } });
    return status;
  },
  'jobs with metadata': async (n, { baseUrl }) => {
    const metadata = `order number ${n} of a client`;
    const body = JSON.stringify({ metadata, workflow: graph(n), notes: NOTES });
    const headers = { 'Content-Type': 'application/json' };
    const { status } = await fetch(`${baseUrl}/api/v2/jobs`, { method: 'POST', headers, body });
    return status;
  },
};

it.each(Object.entries(SUBMIT))(
  'stays within a small heap: %s',
  async (_what, submit) => {
    const simulator = await startSimulator();
    const port = await freePort();
    const server = await ServerProcess.start(
      { COMFYUI_HOST: simulator.host, COMFYUI_API_PORT: String(port) },
      { nodeArguments: [`--max-old-space-size=${HEAP_MB}`] },
    );
    const native = new NativeClient(`127.0.0.1:${port}`);
    try {
      for (let n = 0; n < REQUESTS; n += 1) {
        expect([200, 201]).toContain(await submit(n, { native, baseUrl: server.baseUrl }));
      }
      await eventually(
        async () => expect(await native.json('/queue')).toEqual({ queue_running: [], queue_pending: [] }),
        60_000,
      );
      expect(server.child.exitCode).toBeNull();
    } finally {
      native.close();
      await server.kill();
      await simulator.stop();
    }
  },
  180_000,
);
