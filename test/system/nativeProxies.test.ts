/** The documented configurations of proxies for the port of ComfyUI's own API, in front of two servers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireCaddy } from '../support/Caddy.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/freePort.js';
import { NativeClient } from '../support/NativeClient.js';
import { requireNginx } from '../support/Nginx.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

const GUIDE = readFileSync(new URL('../../documentation/Operations.md', import.meta.url), 'utf8');
const SHOW = {
  '1': { class_type: 'LoadImage', inputs: { image: 'photo.png' } },
  '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
};

/** The example in a language, with the addresses of the test. */
function example(language: string, servers: readonly string[]): string {
  const [, text = ''] = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(GUIDE) ?? [];
  return servers.reduce((config, server, n) => config.replace(`middleware-${n + 1}:8189`, server), text);
}

interface Started {
  readonly folder: string;
  readonly port: number;
  readonly servers: readonly string[];
}

function startNginx({ folder, port, servers }: Started): ChildProcess {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const own = example('nginx', servers).replace('listen 8189;', `listen 127.0.0.1:${port};`);
  const settings = `error_log ${folder}/error.log; pid ${folder}/pid; daemon off; events {}`;
  writeFileSync(
    `${folder}/nginx.conf`,
    `${settings}\nhttp { access_log off; ${temporary.join(' ')}\n${own}}`,
  );
  const program = process.env['NGINX'] ?? 'nginx';
  return spawn(program, ['-p', folder, '-c', `${folder}/nginx.conf`], { stdio: 'ignore' });
}

function startCaddy({ folder, port, servers }: Started): ChildProcess {
  const own = example('caddyfile', servers).replace(
    'http://:8189 {',
    `{\n\tadmin off\n}\n\nhttp://:${port} {\n\tbind 127.0.0.1`,
  );
  writeFileSync(`${folder}/Caddyfile`, own);
  const options = ['run', '--config', `${folder}/Caddyfile`, '--adapter', 'caddyfile'];
  const env = { PATH: process.env['PATH'], HOME: folder };
  return spawn(process.env['CADDY'] ?? 'caddy', options, { stdio: 'ignore', env });
}

const PROXIES = [
  { name: 'nginx', isThere: requireNginx(), start: startNginx },
  { name: 'Caddy', isThere: requireCaddy(), start: startCaddy },
].filter(({ isThere }) => isThere);

describe.each(PROXIES)('$name', ({ start }) => {
  let stacks: Stack[];
  let proxy: ChildProcess;
  let client: NativeClient;
  const folder = mkdtempSync(path.join(tmpdir(), 'proxy-'));
  beforeAll(async () => {
    const env = { COMFYUI_API_PORT: '0', TRUST_PROXY: 'loopback' };
    stacks = [await Stack.start({ env }), await Stack.start({ env })];
    const port = await freePort();
    proxy = start({ folder, port, servers: stacks.map(({ nativeHost }) => nativeHost) });
    client = new NativeClient(`127.0.0.1:${port}`);
    await eventually(async () => expect((await client.request('/prompt')).status).toBe(200), 20_000);
  }, 60_000);
  afterAll(async () => {
    client.close();
    const ended = once(proxy, 'exit');
    proxy.kill('SIGTERM');
    await ended;
    for (const stack of stacks) await stack.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('passes WebSockets, and leads a client to the same server each time', async () => {
    for (let n = 0; n < 5; n += 1) {
      const socket = await client.connect(`c-${n}`);
      await client.upload('photo.png', await png());
      const { status, json } = await client.submit({ prompt: SHOW, client_id: `c-${n}` });
      expect(status).toBe(200);
      await socket.ended(json.prompt_id);
      expect(await client.json(`/history/${json.prompt_id}`)).toHaveProperty([json.prompt_id]);
      await socket.close();
    }
    const used = stacks.filter((stack) => stack.simulator().executions.length > 0);
    expect(used).toHaveLength(1);
  });
});
