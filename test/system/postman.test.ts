import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import newman from 'newman';
import { expect, it } from 'vitest';
import { startSimulator } from '../../src/simulator/index.js';
import { ServerProcess } from '../support/process.js';

const ROOT = path.resolve(import.meta.dirname, '../..');

it('newman runs the Postman collection against the built server, and every assertion holds', async () => {
  const simulators = [await startSimulator(), await startSimulator()];
  const server = await ServerProcess.start({
    COMFYUI_HOST: simulators.map(({ host }) => host).join(','),
    WORKFLOWS_DIR: await mkdtemp(path.join(tmpdir(), 'workflows-')),
  });
  try {
    const summary = await new Promise<newman.NewmanRunSummary>((resolve, reject) => {
      newman.run(
        {
          collection: path.join(ROOT, 'documentation/ComfyUI-Express-Middleware.postman_collection.json'),
          workingDir: ROOT,
          envVar: [
            { key: 'baseUrl', value: server.baseUrl },
            { key: 'imagePath', value: path.join(ROOT, 'data/samples/product.jpg') },
          ],
          timeoutRequest: 20_000,
        },
        (error, result) => (error ? reject(error) : resolve(result)),
      );
    });
    expect(summary.run.failures.map(({ source, error }) => `${source?.name}: ${error.message}`)).toEqual([]);
    expect(summary.run.stats.assertions.total).toBeGreaterThan(70);
    expect(summary.run.stats.requests.total).toBeGreaterThanOrEqual(30);
  } finally {
    await server.kill();
    await Promise.all(simulators.map((simulator) => simulator.stop()));
  }
}, 60_000);
