import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { APP_ORIGINS } from '../support/appOrigins.js';

const hosts = (env: Record<string, string>) =>
  loadConfig(env).machines.addresses.map(({ baseUrl }) => baseUrl);

describe('the configuration', () => {
  it('has the documented defaults', () => {
    expect(loadConfig({})).toMatchObject({
      server: { port: 3000, host: '0.0.0.0' },
      jobs: { maxConcurrent: undefined },
      uploads: { imageTypes: ['image/png', 'image/jpeg'] },
      machines: {
        addresses: [{ id: 'instance-1', host: '127.0.0.1:8188', baseUrl: 'http://127.0.0.1:8188' }],
      },
    });
  });

  it('cannot be changed afterwards', () => {
    const config = loadConfig({});
    expect([config, ...Object.values(config)].every((part) => Object.isFrozen(part))).toBe(true);
  });

  it('takes empty variables for left out, but an empty LOG_DIR for no files', () => {
    const config = loadConfig({ PORT: '', COMFYUI_HOST: ' ', LOG_DIR: '' });
    expect([config.server.port, config.machines.addresses[0]?.host, config.log.directory]).toEqual([
      3000,
      '127.0.0.1:8188',
      '',
    ]);
  });

  it.each([
    ['gpu1', 'http://gpu1:8188'],
    ['gpu1:80', 'http://gpu1:80'],
    ['https://gpu1', 'https://gpu1:443'],
    ['http://gpu1:9000/comfy/', 'http://gpu1:9000/comfy'],
    ['[::1]', 'http://[::1]:8188'],
    ['[::1]:9000', 'http://[::1]:9000'],
  ])('reads %s as %s', (entry, url) => {
    expect(hosts({ COMFYUI_HOST: entry })).toEqual([url]);
  });

  it('uses TLS for entries with no scheme where that is configured', () => {
    expect(hosts({ COMFYUI_HOST: 'a,http://b:1', COMFYUI_USE_SSL: 'true' })).toEqual([
      'https://a:8188',
      'http://b:1',
    ]);
  });

  it('reads numbered hosts in the order of their numbers', () => {
    const env = { COMFYUI_HOST_10: 'ten', COMFYUI_HOST_2: 'two', COMFYUI_HOST: 'first' };
    expect(loadConfig(env).machines.addresses.map(({ id, host }) => [id, host])).toEqual([
      ['instance-1', 'first:8188'],
      ['instance-2', 'two:8188'],
      ['instance-3', 'ten:8188'],
    ]);
  });

  it.each([
    'gpu1,gpu1:8188',
    'a,http://a:8188',
    'bad host',
    'ftp://a',
    'user@a',
    'a/b',
    ',',
    'a:99999',
    '::1',
  ])('refuses the hosts %s', (entry) => {
    expect(() => loadConfig({ COMFYUI_HOST: entry })).toThrow(/COMFYUI_HOST: must /);
  });

  it.each([
    ['http://u:p@a', 'u:p'],
    ['https://gpu%20user:p%40ss%3Aw%C3%B6rd%2C@a/comfy', 'gpu user:p@ss:wörd,'],
    ['http://token@a', 'token:'],
  ])('turns the credentials of %s into a header', (entry, credentials) => {
    const [instance, other] = loadConfig({ COMFYUI_HOST: `${entry},b` }).machines.addresses;
    const Authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    expect(instance?.headers).toEqual({ Authorization });
    expect(`${instance?.host} ${instance?.baseUrl}`).not.toMatch(/@|u:p|p%40|token/);
    expect(other?.headers).toBeUndefined();
  });

  it.each([
    { COMFYUI_HOST: 'http://user:hunter2@bad host' },
    { COMFYUI_HOST: 'user:hunter2@a:8188' },
    { COMFYUI_HOST: 'http://user:hunter2@' },
    { COMFYUI_HOST: 'http://user:hunter2%zz@a' },
    { COMFYUI_HOST: 'http://us%3Aer:hunter2@a' },
    { COMFYUI_HOST: 'http://user:hunter2@a/?b=c' },
    { COMFYUI_HOST: 'http://user:hunter2,comma@a' },
    { COMFYUI_HOST: 'http://user:1@hunter2/a:b@c' },
    { COMFYUI_HOST: 'http://user:1/hunter2@c' },
    { COMFYUI_HOST: 'b', COMFYUI_HOST_1: 'ftp://user:hunter2@a' },
    { COMFYUI_HOST: 'http://user:hunter2@a,http://other:hunter2@a' },
    { COMFYUI_HOST: 'http://user:hunter2@a', COMFYUI_AUTH_HEADER: 'authorization: Bearer hunter2' },
    { PUBLIC_URL: 'https://user:hunter2@images.example' },
    { PUBLIC_URL: 'ftp://user:hunter2@p@images.example' },
    { CORS_ORIGINS: 'https://a.example,https://user:hunter2@b.example' },
    { CORS_ORIGINS: 'app://user:hunter2@a' },
    { REDIS_URL: 'http://user:hunter2@a' },
    { REDIS_URL: 'redis://user:hunter2@a/first' },
    { REDIS_URL: 'redis://:1@hunter2@a b' },
  ])('refuses %o, and does not repeat the password', (env) => {
    const name = Object.keys(env).at(-1)?.replace(/_\d+$/, '');
    expect(() => loadConfig(env)).toThrow(`${name}: must `);
    expect(() => loadConfig(env)).not.toThrow(/hunter2/);
  });

  it('takes credentials beside a header of another name', () => {
    const env = { COMFYUI_HOST: 'http://u:p@a', COMFYUI_AUTH_HEADER: 'X-Key: k' };
    expect(loadConfig(env).machines.addresses).toHaveLength(1);
  });

  it('names every bad variable at once, what it was and what it takes', () => {
    const bad = {
      PORT: '99999',
      LOG_LEVEL: 'loud',
      COMFYUI_USE_SSL: 'perhaps',
      MAX_FILE_SIZE: '10MB',
      ALLOWED_IMAGE_TYPES: 'image/gif',
      MAX_CONNECTIONS_PER_INSTANCE: '11',
      COMFYUI_HOST: 'a,a',
    };
    let message = '';
    try {
      loadConfig(bad);
    } catch (error) {
      message = String(error);
    }
    for (const [name, value] of Object.entries(bad).slice(0, -1)) {
      expect(message).toMatch(new RegExp(`${name}: must be .+, but was "${value}"`));
    }
    expect(message).toContain('COMFYUI_HOST: must list every instance once');
  });

  it('does not repeat a secret that it cannot read', () => {
    expect(() => loadConfig({ COMFYUI_AUTH_HEADER: 'hunter2' })).toThrow(/COMFYUI_AUTH_HEADER/);
    expect(() => loadConfig({ COMFYUI_AUTH_HEADER: 'hunter2' })).not.toThrow(/hunter2/);
    expect(() => loadConfig({ COMFYUI_AUTH_HEADER: 'A: b\r\nEvil: c' })).toThrow(/COMFYUI_AUTH_HEADER/);
    expect(loadConfig({ COMFYUI_AUTH_HEADER: 'Authorization: Bearer x y' }).machines.header).toEqual({
      name: 'Authorization',
      value: 'Bearer x y',
    });
  });

  const A = 'aaaaaaaaaaaaaaaa';
  const B = 'bbbbbbbbbbbbbbbb';

  it('reads keys with their names and scopes, and keeps none of them', () => {
    const config = loadConfig({ API_KEYS: `${A}, shop:${B},ops:admin:c=c/c+c.c_c~c-c==c` });
    expect(config.access.keys.map(({ name, scope }) => [name, scope])).toEqual([
      [expect.stringMatching(/^key-[0-9a-f]{12}$/), 'submit'],
      ['shop', 'submit'],
      ['ops', 'admin'],
    ]);
    expect(JSON.stringify(config)).not.toMatch(/aaaa|bbbb|c=c/);
  });

  it('names a key without a name by its hash, in any list, and no other key can have such a name', () => {
    const namesOf = (keys: string) => loadConfig({ API_KEYS: keys }).access.keys.map(({ name }) => name);
    const [nameA = '', nameB = ''] = namesOf(`${A},${B}`);
    expect(nameA).not.toBe(nameB);
    expect(namesOf(`${B},shop:cccccccccccccccc,${A}`)).toEqual([nameB, 'shop', nameA]);
    expect(namesOf(`key-1:${B}`)).toEqual(['key-1']);
    const digest = createHash('sha256').update(A).digest('hex');
    expect(digest).not.toContain(nameA.slice('key-'.length));
    for (const taken of [nameA, 'key-0123456789ab']) {
      expect(() => loadConfig({ API_KEYS: `${taken}:${B}` })).toThrow(/API_KEYS: must be .+key-0123456789ab/);
    }
  });

  it.each([
    'too-short',
    `${A},${A}`,
    `x:${A},x:${B}`,
    `x:root:${A}`,
    `x:admin:y:${A}`,
    `bad name:${A}`,
    `a ${A}`,
  ])('refuses the keys %s, and does not repeat them', (keys) => {
    expect(() => loadConfig({ API_KEYS: keys })).toThrow(/API_KEYS: must be .+, but was something else/);
    expect(() => loadConfig({ API_KEYS: keys })).not.toThrow(/aaaa|too-short/);
  });

  it.each([
    ['false', false],
    ['2', 2],
    ['loopback, 10.0.0.0/8,2001:db8::1', ['loopback', '10.0.0.0/8', '2001:db8::1']],
  ])('reads the trusted proxies %s', (text, value) => {
    expect(loadConfig({ TRUST_PROXY: text }).server.trustProxy).toEqual(value);
  });

  it.each(['true', '0', '17', 'example.com', '10.0.0.0/33', '10.0.0.0/8/8', ','])(
    'refuses the trusted proxies %s',
    (text) => expect(() => loadConfig({ TRUST_PROXY: text })).toThrow(/TRUST_PROXY: must be/),
  );

  it.each([...APP_ORIGINS, 'moz-extension://0b2a9c5e-7d0c-4f5e-9d3a-1f2e3d4c5b6a', 'http://[::1]:3000'])(
    'reads the origin %s',
    (origin) => {
      const text = `https://app.example.com, ${origin}`;
      expect(loadConfig({ CORS_ORIGINS: text }).access.origins).toEqual(['https://app.example.com', origin]);
    },
  );

  it.each([
    ...[
      'example.com',
      'https://a.example.com/',
      'https://a/b',
      '*,https://a',
      ',',
      'HTTPS://A',
      'https://a:443',
    ],
    ...[
      'file:///',
      'app://',
      'app://a/b',
      'app://user@a',
      'app:a',
      'Null',
      'localhost:3000',
      'https://a..b:x',
    ],
  ])('refuses the origins %s', (text) =>
    expect(() => loadConfig({ CORS_ORIGINS: text })).toThrow(/CORS_ORIGINS: must be/),
  );

  it.each([
    [{ BREAKER_RESET_TIMEOUT: '5000', BREAKER_MAX_RESET_TIMEOUT: '1000' }, 'BREAKER_MAX_RESET_TIMEOUT'],
    [{ MAX_RESULT_MEMORY: '1000' }, 'MAX_RESULT_MEMORY'],
    [{ MAX_QUEUE_MEMORY: '1000' }, 'MAX_QUEUE_MEMORY'],
    [{ MAX_UPLOAD_MEMORY: '1000' }, 'MAX_UPLOAD_MEMORY'],
    [{ QUEUE: 'redis', ASSET_STORE: 'disk' }, 'REDIS_URL: must be the address of Redis when QUEUE is redis'],
    [
      { QUEUE: 'redis', REDIS_URL: 'redis://a' },
      'ASSET_STORE: must be disk or s3 when QUEUE is redis, because every server needs the files of every job, but was "memory"',
    ],
    [
      { ASSET_STORE: 's3' },
      'S3_BUCKET: must be the name of a bucket when ASSET_STORE is s3, but was not set',
    ],
  ])('refuses values that contradict each other: %o', (env, name) => {
    expect(() => loadConfig(env)).toThrow(name);
  });

  it('keeps files in memory unless it is told otherwise, and as long as finished jobs', () => {
    const { assets } = loadConfig({ JOB_CLEANUP_INTERVAL: '5000' });
    expect(assets).toMatchObject({ store: 'memory', directory: './data/assets', lifetimeMs: 5000 });
    expect(loadConfig({ ASSET_TTL: '7000' }).assets.lifetimeMs).toBe(7000);
  });

  it('reads where a bucket is', () => {
    const env = {
      ASSET_STORE: 'S3',
      S3_BUCKET: 'my.bucket',
      S3_ENDPOINT: 'http://127.0.0.1:9000/',
      S3_PREFIX: 'some/folder/',
      S3_FORCE_PATH_STYLE: 'yes',
      S3_PRESIGN_SECONDS: '60',
      // A memory limit, although nothing waits in memory.
      MAX_QUEUE_MEMORY: '1000',
    };
    expect(loadConfig(env).assets).toMatchObject({
      store: 's3',
      bucket: 'my.bucket',
      region: 'us-east-1',
      endpoint: 'http://127.0.0.1:9000',
      prefix: 'some/folder/',
      forcePathStyle: true,
      presignSeconds: 60,
    });
  });

  it.each([
    ['ASSET_STORE', 'tape'],
    ['ASSET_TTL', '-1'],
    ['S3_BUCKET', 'a/b'],
    ['S3_REGION', 'eu west'],
    ['S3_ENDPOINT', 'ftp://a'],
    ['S3_ENDPOINT', 'http://user:password@a'],
    ['S3_PREFIX', 'ä/'],
    ['S3_PRESIGN_SECONDS', '604801'],
  ])('refuses %s=%s', (name, value) => {
    expect(() => loadConfig({ [name]: value })).toThrow(`${name}: must `);
  });

  it('takes two ports that differ, or any free ones', () => {
    expect(() => loadConfig({ PORT: '8189', COMFYUI_API_PORT: '8189' })).toThrow(
      'COMFYUI_API_PORT: must be another port than PORT (8189), but was "8189"',
    );
    // The default counts, too.
    expect(() => loadConfig({ COMFYUI_API_PORT: '3000' })).toThrow('COMFYUI_API_PORT: must be another port');
    expect(loadConfig({ PORT: '0', COMFYUI_API_PORT: '0' }).native.port).toBe(0);
    expect(loadConfig({ COMFYUI_API_PORT: '8189' }).native.port).toBe(8189);
  });

  it('keeps jobs in memory unless it is told otherwise', () => {
    expect(loadConfig({}).queue).toEqual({
      kind: 'memory',
      redisUrl: '',
      redisPrefix: 'comfyui-express',
    });
  });

  it.each(['ALLOWED_HOSTS', 'INPUT_URL_ALLOWED_HOSTS', 'WEBHOOK_ALLOWED_HOSTS'])(
    'reads hosts and ports in %s, and nothing else',
    (name) => {
      const hosts = ['GPU.lan.', 'box_1:8080', 'bücher.example', '10.0.0.1:80', '::1', '[fd00::1]:99'];
      const { access, uploads, webhooks } = loadConfig({ [name]: hosts.join(', ') });
      const read = [access.allowedHosts, uploads.urlAllowedHosts, webhooks.allowedHosts];
      const names = [
        'gpu.lan',
        'box_1:8080',
        'xn--bcher-kva.example',
        '10.0.0.1:80',
        '[::1]',
        '[fd00::1]:99',
      ];
      expect(read.flat()).toEqual(names);
      const others = [
        'http://a',
        'a/b',
        '10.0.0.0/8',
        '*',
        '*.lan',
        'rubbish !',
        'u@a',
        'a:',
        'a:99999',
        'a:b',
        '[::1',
      ];
      for (const other of others) {
        expect(() => loadConfig({ [name]: `gpu.lan,${other}` }), other).toThrow(
          `${name}: must be comma-separated`,
        );
      }
    },
  );

  it.each(['redis://a', 'redis://a:6379', 'rediss://user:p%40ss@a:6380/3', 'redis://:password@[::1]:6379/'])(
    'reads where Redis is: %s',
    (url) => {
      const env = { QUEUE: 'Redis', REDIS_URL: url, REDIS_PREFIX: 'a-b_c.d:1', ASSET_STORE: 'disk' };
      expect(loadConfig(env).queue).toEqual({ kind: 'redis', redisUrl: url, redisPrefix: 'a-b_c.d:1' });
    },
  );

  it.each([
    ['QUEUE', 'kafka'],
    ['REDIS_URL', 'a:6379'],
    ['REDIS_URL', 'redis://'],
    ['REDIS_URL', 'redis://a/0/1'],
    ['REDIS_URL', 'redis://a?db=1'],
    ['REDIS_URL', 'redis://a#1'],
    ['REDIS_PREFIX', '{a}'],
    ['REDIS_PREFIX', 'a b'],
  ])('refuses %s=%s', (name, value) => {
    expect(() => loadConfig({ [name]: value })).toThrow(`${name}: must `);
  });
});
