import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { healthAnswer } from '../../src/schemas/status.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/freePort.js';
import { HttpServers } from '../support/httpServers.js';
import { PrometheusServer, promtool, requirePrometheus } from '../support/PrometheusServer.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';
import { WEBHOOK_SECRET, WebhookReceiver } from '../support/WebhookReceiver.js';

const read = (file: string) => readFileSync(path.resolve(import.meta.dirname, '../..', file), 'utf8');
const config = read('deploy/prometheus.yml');
const rules = read('documentation/prometheus-alerts.yml');
const KEYS = {
  prometheus: 'prometheus-0123456789abcdef',
  ops: 'ops-0123456789abcdef',
  app: 'app-0123456789abcdef',
};
/** Prometheus itself sends 120 requests per minute. */
const PER_MINUTE = 200;
/** More than one per ten seconds over a quarter of an hour. */
const REFUSED = 150;
/** Prometheus sees no increase before its second scrape; long enough for a busy computer. */
const PATIENCE_MS = 60_000;

const dashboard = z
  .object({ panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })) })) })
  .parse(JSON.parse(read('documentation/grafana-dashboard.json')));
const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** The configuration, with other targets and intervals. */
function configFor(targets: readonly string[]): string {
  const shape = z.looseObject({ scrape_configs: z.tuple([z.looseObject({})]) });
  const { global: _global, ...all } = shape.parse(parse(config));
  const [scrape] = all.scrape_configs;
  return stringify({
    ...all,
    global: { scrape_interval: '500ms', evaluation_interval: '500ms', scrape_timeout: '500ms' },
    scrape_configs: [{ ...scrape, static_configs: [{ targets }] }],
  });
}

/** Alerts that a busy computer may cause for a moment. */
const PATIENT = new Set(['EventLoopSlow', 'HeapNearlyFull', 'FilesNearlyExhausted', 'JobsWaitLong']);

/** The rules, with much shorter `for` durations. */
function impatientRules(): string {
  const rule = z.looseObject({ alert: z.string(), for: z.string().optional() });
  const shape = z.object({ groups: z.array(z.object({ name: z.string(), rules: z.array(rule) })) });
  const groups = shape.parse(parse(rules)).groups.map((group) => ({
    ...group,
    rules: group.rules.map((one) => (PATIENT.has(one.alert) ? one : { ...one, for: '0s' })),
  }));
  return stringify({ groups });
}

describe.skipIf(!requirePrometheus())('a real Prometheus', () => {
  let stack: Stack;
  let prometheus: PrometheusServer;
  let receivers: HttpServers;
  let server: string;
  let nobody: string;
  const as = (key: string) => new Client(stack.client.baseUrl, { 'X-API-Key': key });

  beforeAll(async () => {
    receivers = new HttpServers();
    stack = await Stack.start({
      simulators: [{}, {}, {}],
      env: {
        API_KEYS: `prometheus:${KEYS.prometheus},ops:admin:${KEYS.ops},app:${KEYS.app}`,
        MAX_JOBS_PER_INSTANCE: '1',
        MAX_QUEUE_SIZE: '1',
        RATE_LIMIT_PER_MINUTE: String(PER_MINUTE),
        WEBHOOK_SECRET,
        WEBHOOK_ALLOWED_HOSTS: '127.0.0.1',
      },
    });
    server = new URL(stack.client.baseUrl).host;
    nobody = `127.0.0.1:${await freePort()}`;
    prometheus = await PrometheusServer.start({
      'prometheus.yml': configFor([server, nobody]),
      'prometheus-alerts.yml': impatientRules(),
      'comfyui-middleware.key': KEYS.prometheus,
    });
    await eventually(async () => {
      expect(await prometheus.query(`count_over_time(up{instance="${server}"}[1m]) > 1`)).toHaveLength(1);
      expect(await prometheus.query(`up{instance="${server}"} == 1`)).toHaveLength(1);
    });
  }, PATIENCE_MS);
  afterAll(async () => {
    await prometheus?.stop();
    await stack?.stop();
    await receivers?.close();
  });

  /** Names of the firing alerts. */
  const firing = async () =>
    [...new Set((await prometheus.alerts()).map(({ labels }) => labels['alertname']))].sort();

  it('scrapes the server with a key, and has no alert but for the server that is down', async () => {
    await eventually(async () => expect(await firing()).toEqual(['ServerDown']), PATIENCE_MS);
    const [alert] = await prometheus.alerts();
    expect(alert?.labels).toMatchObject({ instance: nobody, severity: 'critical' });
    expect(alert?.annotations['summary']).toContain(nobody);
  });

  it(
    'names the right machine in each alert of one',
    async () => {
      const [, down, closed] = stack.simulators;
      if (!down || !closed) throw new Error('too few simulators');
      await down.crash();
      await as(KEYS.ops).request(`/api/circuit-breakers/instance-3/open`, { method: 'POST' });
      await eventually(async () => {
        const all = await prometheus.alerts();
        const machinesOf = (name: string) =>
          all
            .filter(({ labels }) => labels['alertname'] === name)
            .map(({ labels }) => labels['comfyui_instance']);
        expect(machinesOf('InstanceDown').sort()).toEqual([down.host, closed.host].sort());
        expect(machinesOf('BreakerOpen')).toContain(closed.host);
        for (const { labels, annotations } of all) {
          if (labels['alertname'] === 'ServerDown') continue;
          expect(labels['instance']).toBe(server);
          expect(annotations['summary']).toContain(labels['comfyui_instance']);
        }
      }, PATIENCE_MS);
      expect(await firing()).not.toContain('NoHealthyInstance');
    },
    PATIENCE_MS,
  );

  it(
    'fires what there is to say of jobs, webhooks and limits, and nothing else',
    async () => {
      const app = as(KEYS.app);
      const { faults } = stack.simulator();
      const receiver = await WebhookReceiver.start(
        receivers,
        (response) => void response.writeHead(410).end(),
      );
      await app.process('remove-background', await png());
      faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom' });
      const fields = { webhook_url: receiver.url };
      await app.refused('/api/remove-background', await png({ colour: colourOf(1) }), 502, { fields });
      faults.hang = true;
      await app.submit('upscale-image', await png());
      // Not rate limited.
      const health = () => app.json('/health', healthAnswer);
      await eventually(async () => expect((await health()).job_processing.active_jobs).toBe(1));
      await app.submit('upscale-image', await png());
      await app.refused('/api/async/upscale-image', await png(), 503);
      for (let refused = 0; refused < REFUSED; ) {
        const batch = Array.from({ length: 20 }, () => app.request('/api/jobs/stats'));
        for (const response of await Promise.all(batch)) {
          await response.arrayBuffer();
          if (response.status === 429) refused += 1;
        }
      }
      await eventually(async () => {
        const machines = ['BreakerOpen', 'InstanceDown', 'ServerDown'];
        const others = [
          'ClientsRateLimited',
          'JobsFail',
          'QueueNearlyFull',
          'RequestsRefused',
          'WebhooksGivenUp',
        ];
        expect(await firing()).toEqual([...machines, ...others].sort());
      }, PATIENCE_MS);
      const refused = (await prometheus.alerts()).filter(
        ({ labels }) => labels['alertname'] === 'RequestsRefused',
      );
      expect(refused.map(({ labels }) => labels['code'])).toEqual(['QUEUE_FULL']);
    },
    2 * PATIENCE_MS,
  );

  it.each(queries)(
    'answers the query of the dashboard: %s',
    async (query) => {
      await eventually(async () => expect(await prometheus.query(query)).not.toEqual([]), PATIENCE_MS);
    },
    PATIENCE_MS,
  );

  it(
    'says so when no machine is left',
    async () => {
      await stack.simulator().crash();
      await eventually(async () => {
        const alert = (await prometheus.alerts()).find(
          ({ labels }) => labels['alertname'] === 'NoHealthyInstance',
        );
        expect(alert?.labels).toMatchObject({ instance: server, severity: 'critical' });
      }, PATIENCE_MS);
    },
    PATIENCE_MS,
  );

  it('finds nothing wrong with the rules, the configuration and the metrics', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'promtool-'));
    writeFileSync(path.join(folder, 'prometheus.yml'), config);
    writeFileSync(path.join(folder, 'prometheus-alerts.yml'), rules);
    writeFileSync(path.join(folder, 'comfyui-middleware.key'), KEYS.prometheus);
    expect(await promtool(['check', 'rules', 'prometheus-alerts.yml'], { folder })).toMatchObject({
      isOk: true,
    });
    expect(await promtool(['check', 'config', 'prometheus.yml'], { folder })).toMatchObject({ isOk: true });
    const response = await as(KEYS.ops).request('/metrics');
    const { output } = await promtool(['check', 'metrics'], { input: await response.text() });
    // Names of Node's own metrics, given by prom-client.
    expect(output.split('\n').filter((line) => line !== '' && !line.startsWith('nodejs_'))).toEqual([]);
  });
});
