/** Which requests the port of ComfyUI's own API forwards to a machine for which key. */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { MachineWithNode } from '../support/MachineWithNode.js';
import { NativeClient } from '../support/NativeClient.js';
import { OTHER_WAYS, rawRequest } from '../support/otherWays.js';
import type { Stack } from '../support/stack.js';

const SUBMIT_KEY = 'key-that-may-only-submit';
const ADMIN_KEY = 'key-of-the-operator-here';
const KEYS = { API_KEYS: `shop:${SUBMIT_KEY},ops:admin:${ADMIN_KEY}` };

const EMPTY = {
  '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 0 } },
  '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
};

/** What ComfyUI's page reads to show itself. */
const OF_THE_PAGE = [
  '/',
  '/index.html',
  '/user.css',
  '/assets/index-CmVtQCAR.js',
  '/assets/index-D6zf5KAf.css',
  '/assets/primeicons-C6QP2o4f.woff2',
  '/assets/images/comfy-logo-single.svg',
  '/scripts/app.js',
  '/lib/litegraph.core.js',
  '/cursor/colorSelect.png',
  '/extensions',
  '/api/extensions',
  '/extensions/ComfyUI-Manager/comfyui-manager.js',
  // Who the users are: older pages take a refusal for a server with several users, and ask who one is.
  '/users',
  '/api/users',
  '/api/settings',
  '/settings/Comfy.Locale',
  '/api/i18n',
  '/api/workflow_templates',
  '/templates/index.json',
  '/api/global_subgraphs',
  '/api/node_replacements',
  '/api/experiment/models',
  '/api/experiment/models/preview/loras/0/styles%2Fink.safetensors',
  '/view_metadata/loras?filename=ink.safetensors',
  '/docs/KSampler/en.md',
];

/** What belongs to the operator of the machine, or to other clients. */
const PRIVATE = [
  '/internal/logs',
  '/internal/logs/raw',
  '/internal/files/output',
  '/internal/folder_paths',
  '/manager/reboot',
  '/manager/queue/start',
  '/v2/manager/reboot',
  '/comfyui_manager/comfyui_switch_version?ver=v0.1',
  '/v2/comfyui_manager/comfyui_versions',
  '/customnode/getlist?mode=local',
  '/v2/customnode/installed',
  '/externalmodel/getlist?mode=local',
  '/snapshot/remove?target=last',
  '/v2/snapshot/get_current',
  '/userdata?dir=workflows',
  '/userdata/workflows%2Fx.json',
  '/v2/userdata',
  '/users/default',
  '/users.json',
  '/v2/users',
  '/assets',
  '/assets/8b5b5c54-7f0c-4d1b-8a43-6c8f6b2f9a11/content',
  '/api/assets/a.png',
  '/tags',
  '/vhs/viewvideo?filename=x.mp4',
  '/viewvideo?filename=x.mp4',
  '/vhs/getpath?path=/',
];

let stack: Stack;
let machine: MachineWithNode;
beforeEach(async () => {
  machine = await MachineWithNode.start();
});
afterEach(async () => {
  await stack.stop();
  await machine.stop();
});

async function start(env: Readonly<Record<string, string>>): Promise<void> {
  stack = await machine.serve(env);
}

const withKey = (key?: string) =>
  new NativeClient(stack.nativeHost, key === undefined ? {} : { 'X-API-Key': key });

/** The calls to the machine since an earlier moment, without the server's own. */
function callsSince(earlier: number): string[] {
  const own =
    /^GET \/(api\/)?(system_stats|object_info|prompt|queue|features|history|models|ws|embeddings)\b/;
  return machine.calls.slice(earlier).filter((call) => !own.test(call));
}

/** Expects that a request is refused with 403 in ComfyUI's form, and does not reach the machine. */
async function expectRefused(client: NativeClient, path: string, method = 'GET'): Promise<void> {
  const earlier = machine.calls.length;
  const { status, json } = await client.request(path, { method });
  expect([method, path, status]).toEqual([method, path, 403]);
  if (method !== 'HEAD') {
    expect(json).toEqual({
      error: {
        type: 'forbidden',
        message: expect.any(String),
        details: expect.any(String),
        extra_info: {},
      },
      node_errors: {},
    });
  }
  expect(callsSince(earlier)).toEqual([]);
}

/** Expects that a request reaches the machine, unchanged. */
async function expectForwarded(client: NativeClient, path: string, method = 'GET'): Promise<void> {
  const earlier = machine.calls.length;
  const { status } = await client.request(path, { method });
  // The simulator has none of these paths.
  expect([method, path, status]).toEqual([method, path, 404]);
  expect(callsSince(earlier)).toEqual([`${method} ${path}`]);
}

async function expectFreed(client: NativeClient): Promise<void> {
  const earlier = machine.calls.length;
  expect((await client.post('/free', { free_memory: true })).status).toBe(200);
  expect(callsSince(earlier)).toEqual(['POST /free']);
}

describe('a key that may not send graphs', () => {
  it('has nothing forwarded', async () => {
    await start(KEYS);
    const shop = withKey(SUBMIT_KEY);
    expect((await shop.submit({ prompt: EMPTY })).status).toBe(403);
    for (const path of [...OF_THE_PAGE, ...PRIVATE, '/custom/terminal']) await expectRefused(shop, path);
    await expectRefused(shop, '/customnode/install/git_url', 'POST');
    await expectRefused(shop, '/', 'HEAD');
    await expectRefused(shop, '/free', 'POST');
    const { json } = await shop.request('/extensions');
    expect(json.error.details).toBe('This needs an API key of the scope admin, or ALLOW_RAW_WORKFLOWS=all.');
    const socket = new WebSocket(`ws://${stack.nativeHost}/custom/terminal?token=${SUBMIT_KEY}`);
    const [error] = await once(socket, 'error');
    expect(String(error)).toContain('403');
    // The server's own routes.
    expect((await shop.request('/object_info')).status).toBe(200);
    await expectForwarded(withKey(ADMIN_KEY), '/manager/reboot');
  });

  it('has nothing forwarded if no key may send graphs', async () => {
    await start({ ...KEYS, ALLOW_RAW_WORKFLOWS: 'none' });
    for (const key of [SUBMIT_KEY, ADMIN_KEY]) {
      await expectRefused(withKey(key), '/extensions');
      await expectRefused(withKey(key), '/free', 'POST');
    }
  });
});

describe('a key without the scope admin that may send graphs', () => {
  beforeEach(() => start({ ...KEYS, ALLOW_RAW_WORKFLOWS: 'all' }));

  it("reads what ComfyUI's page needs to show itself", async () => {
    const shop = withKey(SUBMIT_KEY);
    for (const path of OF_THE_PAGE) {
      await expectForwarded(shop, path);
      await expectForwarded(shop, path, 'HEAD');
    }
    for (const path of ['/object_info', '/api/object_info', '/features', '/system_stats', '/api/queue']) {
      expect([path, (await shop.request(path)).status]).toEqual([path, 200]);
    }
  });

  it('changes nothing on a machine', async () => {
    const shop = withKey(SUBMIT_KEY);
    for (const path of ['/settings', '/api/settings/Comfy.Locale', '/users', '/custom/route', ...PRIVATE]) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) await expectRefused(shop, path, method);
    }
  });

  it('frees no memory of machines, which all clients share', async () => {
    const shop = withKey(SUBMIT_KEY);
    for (const path of ['/free', '/api/free', '//free']) await expectRefused(shop, path, 'POST');
    expect((await shop.post('/free', { unload_models: true })).status).toBe(403);
    expect(machine.calls.filter((call) => call.includes('free'))).toEqual([]);
  });

  it('reads nothing of the operator and of other clients', async () => {
    const shop = withKey(SUBMIT_KEY);
    for (const path of PRIVATE) {
      await expectRefused(shop, path);
      await expectRefused(shop, path, 'HEAD');
      await expectRefused(shop, path.startsWith('/api/') ? path : `/api${path}`);
    }
  });

  it('gets there by no other way to write a path', async () => {
    const firstLetter = (path: string, percent: string) =>
      `/${percent}${path.charCodeAt(1).toString(16)}${path.slice(2)}`;
    const ways = [
      ...OTHER_WAYS,
      (path: string) => path.toUpperCase(),
      (path: string) => `/API${path}`,
      (path: string) => `/extensions/..${path}`,
      (path: string) => `/extensions%2F..${path.replaceAll('/', '%2F')}`,
      (path: string) => `/extensions%252F..${path.replaceAll('/', '%252F')}%2F%ff`,
      (path: string) => firstLetter(path, '%25'),
      (path: string) => firstLetter(path, '%252525'),
      (path: string) => `/extensions%5c..${path.replaceAll('/', '%5c')}`,
      (path: string) => `/assets/..%2F..${path}`,
      (path: string) => `/extensions#/..${path}`,
      (path: string) => `/extensions;x/..${path}`,
    ];
    const head = `Host: ${stack.nativeHost}\r\nX-API-Key: ${SUBMIT_KEY}\r\nConnection: close\r\n`;
    const earlier = machine.calls.length;
    const paths = ['/internal/logs/a.js', ...PRIVATE].filter((one) => !one.includes('?'));
    for (const path of paths) {
      for (const way of ways) {
        const answer = await rawRequest(stack.nativeHost, `GET ${way(path)} HTTP/1.1\r\n${head}\r\n`);
        expect(answer, way(path)).toMatch(/^HTTP\/1.1 (403|404) /);
      }
    }
    // Without what a fragment hides: the machine gets the path that the decision was about.
    expect(new Set(callsSince(earlier))).toEqual(new Set(['GET /extensions']));
  });

  it('opens WebSockets as it may read their paths', async () => {
    const open = async (path: string) => {
      const socket = new WebSocket(`ws://${stack.nativeHost}${path}`, {
        headers: { 'X-API-Key': SUBMIT_KEY },
      });
      await once(socket, 'open');
      socket.terminate();
    };
    await open('/custom/terminal');
    for (const path of ['/internal/terminal', '/api/manager/socket', '/custom%2F..%2Finternal/terminal']) {
      await expect(open(path)).rejects.toThrow('403');
    }
    expect(machine.requests.map(({ url }) => url)).toEqual(['/custom/terminal']);
  });
});

it('a key of the scope admin, and everyone without keys, has everything forwarded', async () => {
  await start(KEYS);
  for (const path of [...OF_THE_PAGE, ...PRIVATE]) await expectForwarded(withKey(ADMIN_KEY), path);
  await expectForwarded(withKey(ADMIN_KEY), '/customnode/install/git_url', 'POST');
  await expectFreed(withKey(ADMIN_KEY));
  await stack.stop();
  await start({ ALLOW_RAW_WORKFLOWS: 'none' });
  for (const path of [...OF_THE_PAGE, ...PRIVATE]) await expectForwarded(withKey(), path);
  await expectForwarded(withKey(), '/customnode/install/git_url', 'POST');
  await expectFreed(withKey());
});
