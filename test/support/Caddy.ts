import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './freePort.js';

const PROGRAM = process.env['CADDY'] ?? 'caddy';
const CONFIG = new URL('../../deploy/Caddyfile', import.meta.url);

/** @throws Error if Caddy is required but not installed */
export function requireCaddy(): boolean {
  if (spawnSync(PROGRAM, ['version']).status === 0) return true;
  if (process.env['CI']) throw new Error('No caddy: install it (apt-get install caddy) or set CADDY.');
  process.stderr.write(
    '\nNOTICE: no caddy here, the tests of servers behind it do NOT run. Install caddy or set CADDY.\n\n',
  );
  return false;
}

/** Caddy on 127.0.0.1 with the configuration of `deploy`, with other addresses and certificates. */
export class Caddy {
  readonly baseUrl: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, folder: string) {
    this.baseUrl = `http://127.0.0.1:${port}`;
    this.#folder = folder;
    const log = openSync(path.join(folder, 'error.log'), 'a');
    this.#process = spawn(
      PROGRAM,
      ['run', '--config', path.join(folder, 'Caddyfile'), '--adapter', 'caddyfile'],
      {
        stdio: ['ignore', log, log],
        env: { PATH: process.env['PATH'], HOME: folder },
      },
    );
    closeSync(log);
  }

  /** @param servers `host:port` of each server */
  static async start(servers: readonly string[]): Promise<Caddy> {
    const port = await freePort();
    const folder = mkdtempSync(path.join(tmpdir(), 'caddy-'));
    writeFileSync(path.join(folder, 'Caddyfile'), configOf(port, servers));
    const caddy = new Caddy(port, folder);
    await eventually(async () => {
      await (await fetch(`${caddy.baseUrl}/livez`)).arrayBuffer();
    });
    return caddy;
  }

  /** Caddy's error log. */
  get errors(): string {
    return readFileSync(path.join(this.#folder, 'error.log'), 'utf8');
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function configOf(port: number, servers: readonly string[]): string {
  const own = readFileSync(CONFIG, 'utf8').replace(
    'images.example.com {',
    `{\n\tadmin off\n\tauto_https off\n}\n\nhttp://127.0.0.1:${port} {\n\tbind 127.0.0.1`,
  );
  return servers.reduce((config, server, n) => config.replace(`middleware-${n + 1}:3000`, server), own);
}
