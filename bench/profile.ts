// A text profile of the server: npm run bench:profile [-- sync|large|native|native-large|submit|status]
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ApiClient } from './ApiClient.js';
import { ComfyConnection } from './ComfyConnection.js';
import { JOBS_PER_MACHINE, Machines } from './machines.js';
import { perSecond } from './measure.js';
import { LARGE, Picture, type PictureSize, SMALL, TINY } from './pictures.js';
import { type CpuProfile, flameGraph, selfTimes } from './profiles.js';
import { uploadAndPreview } from './ways.js';

const WIDTH = 8;
const HOUR_MS = 3_600_000;

/** The loads that can be profiled. */
const LOADS: Readonly<
  Record<string, { workMs: number; load: (api: ApiClient, machines: Machines) => Promise<unknown> }>
> = {
  sync: {
    workMs: 0,
    load: async (api) => {
      const picture = await Picture.ofSize(SMALL);
      return perSecond(4000, WIDTH, () => api.process(picture.next()));
    },
  },
  large: {
    workMs: 0,
    load: async (api) => {
      const picture = await Picture.ofSize(LARGE);
      return perSecond(500, WIDTH, () => api.process(picture.next()));
    },
  },
  native: { workMs: 0, load: (_api, machines) => nativePrompts(machines, SMALL, 4000) },
  'native-large': { workMs: 0, load: (_api, machines) => nativePrompts(machines, LARGE, 500) },
  submit: {
    workMs: HOUR_MS,
    load: async (api) => {
      const picture = await Picture.ofSize(LARGE);
      const small = await Picture.ofSize(TINY);
      // The first jobs keep the machines busy; the others are deleted while they wait.
      await perSecond(2 * JOBS_PER_MACHINE, WIDTH, () => api.submit(small.next()));
      return perSecond(1500, WIDTH, async () => {
        const { job_id } = await api.submit(picture.next());
        return api.delete(`/api/jobs/${job_id}`);
      });
    },
  },
  status: {
    workMs: 0,
    load: async (api) => {
      const picture = await Picture.ofSize(TINY);
      const { status_url } = await api.submit(picture.next());
      return perSecond(40_000, WIDTH, () => api.get(status_url));
    },
  },
};

async function nativePrompts(machines: Machines, size: PictureSize, count: number): Promise<void> {
  const picture = await Picture.ofSize(size);
  const client = await ComfyConnection.open(await machines.nativeHost());
  await perSecond(count, WIDTH, () => uploadAndPreview(client, picture.next()));
  await client.close();
}

const name = process.argv[2] ?? 'sync';
const chosen = LOADS[name];
if (!chosen) throw new Error(`No such load: ${name}. There are ${Object.keys(LOADS).join(', ')}.`);
const folder = mkdtempSync(path.join(tmpdir(), 'profile-'));
const env = { SHUTDOWN_TIMEOUT: '100', COMFYUI_API_PORT: '0' };
const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`];
// With one file for each module, the profile tells packages apart.
const script = new URL('../dist/server.js', import.meta.url);
const machines = await Machines.start([chosen.workMs, chosen.workMs], env, nodeArgs, 0, script);
const api = new ApiClient(machines.server);
await chosen.load(api, machines);
await api.close();
await machines.stop();
const [file = ''] = readdirSync(folder);
const profile = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as CpuProfile;
process.stdout.write(`${selfTimes(profile)}\n\n${flameGraph(profile)}\n`);
