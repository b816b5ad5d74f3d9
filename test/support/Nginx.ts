import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './freePort.js';

const PROGRAM = process.env['NGINX'] ?? 'nginx';
const CONFIG = new URL('../../deploy/nginx.conf', import.meta.url);
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** @throws Error if nginx is required but not installed */
export function requireNginx(): boolean {
  if (spawnSync(PROGRAM, ['-v']).status === 0) return true;
  if (process.env['CI']) throw new Error('No nginx: install it (apt-get install nginx-light) or set NGINX.');
  process.stderr.write(
    '\nNOTICE: no nginx here, the tests of servers behind it do NOT run. Install nginx-light or set NGINX.\n\n',
  );
  return false;
}

/** nginx on 127.0.0.1 with the configuration of `deploy`, with other addresses, logs and folders. */
export class Nginx {
  readonly baseUrl: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, folder: string) {
    this.baseUrl = `http://127.0.0.1:${port}`;
    this.#folder = folder;
    const settings = `daemon off; pid ${folder}/nginx.pid;`;
    this.#process = spawn(PROGRAM, ['-p', folder, '-c', `${folder}/nginx.conf`, '-g', settings], {
      stdio: 'ignore',
    });
  }

  /** @param servers `host:port` of each server */
  static async start(servers: readonly string[]): Promise<Nginx> {
    const port = await freePort();
    const folder = mkdtempSync(path.join(tmpdir(), 'nginx-'));
    writeFileSync(path.join(folder, 'nginx.conf'), configOf(port, folder, servers));
    const nginx = new Nginx(port, folder);
    await eventually(async () => {
      await (await fetch(`${nginx.baseUrl}/livez-of-nobody`)).arrayBuffer();
    });
    return nginx;
  }

  /** nginx's error log. */
  get errors(): string {
    return readFileSync(path.join(this.#folder, 'error.log'), 'utf8');
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function configOf(port: number, folder: string, servers: readonly string[]): string {
  const temporary = TEMPORARY.map((name) => `  ${name}_temp_path ${folder}/${name};\n`).join('');
  const own = readFileSync(CONFIG, 'utf8')
    .replace('worker_processes auto;', 'worker_processes 1;')
    .replace('error_log /dev/stderr warn;', `error_log ${folder}/error.log warn;`)
    .replace('access_log /dev/stdout;', `access_log off;\n${temporary}`)
    .replace('listen 80;', `listen 127.0.0.1:${port};`);
  return servers.reduce((config, server, n) => config.replace(`middleware-${n + 1}:3000`, server), own);
}
