import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from './eventually.js';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** On a busy computer many processes may start at once. */
const START_TIMEOUT_MS = 60_000;

type LogLine = Record<string, unknown> & { message: string };

/** What it is started in, beside its variables. */
export interface Setting {
  /** For the shell's `ulimit`, such as `-f 0`: no file may have a byte. */
  readonly limit?: string;
  readonly nodeArguments?: readonly string[];
  /** What starts it in place of node itself, such as npm. */
  readonly command?: readonly string[];
  /** Whether it leads a group of its own, as on a terminal. */
  readonly isGroup?: boolean;
}

/** The built server as a process of its own. */
export class ServerProcess {
  readonly child: ChildProcess;
  /** Everything it wrote, standard error included. */
  output = '';

  /** Resolves when it ended and all that it wrote was read. */
  readonly #closed: Promise<unknown[]>;

  readonly #isGroup: boolean;

  private constructor(child: ChildProcess, isGroup: boolean) {
    this.child = child;
    this.#isGroup = isGroup;
    this.#closed = once(child, 'close');
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (part: Buffer) => {
        this.output += part.toString();
      });
    }
  }

  /** Starts it with nothing but these variables, on a port of its own choice unless one is given. */
  static spawn(env: Readonly<Record<string, string>>, setting: Setting = {}): ServerProcess {
    const metrics = path.join(mkdtempSync(path.join(tmpdir(), 'metrics-')), 'metrics.json');
    const command = setting.command ?? [process.execPath, ...(setting.nodeArguments ?? []), 'dist/server.js'];
    // Whoever stands in between does not pass the channel to this process on.
    const unset = setting.command ? 'unset NODE_CHANNEL_FD; ' : '';
    const shell = `${setting.limit ? `ulimit ${setting.limit}; ` : ''}${unset}exec "$@"`;
    const child = spawn('/bin/sh', ['-c', shell, 'sh', ...command], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        HOST: '127.0.0.1',
        LOG_DIR: '',
        METRICS_FILE_PATH: metrics,
        STATE_DIR: path.join(path.dirname(metrics), 'state'),
        WORKFLOWS_DIR: '',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: setting.isGroup === true,
    });
    return new ServerProcess(child, setting.isGroup === true);
  }

  /** Starts it and waits until its instances were looked at. */
  static async start(env: Readonly<Record<string, string>>, setting: Setting = {}): Promise<ServerProcess> {
    const server = ServerProcess.spawn(env, setting);
    await eventually(() => {
      if (!server.lines().some(({ message }) => message === 'Instance')) throw new Error(server.output);
    }, START_TIMEOUT_MS);
    return server;
  }

  /** Its log, line by line. */
  lines(): LogLine[] {
    return this.output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as LogLine];
        } catch {
          // The last line may still be on its way.
          return [];
        }
      });
  }

  get baseUrl(): string {
    const listening = this.lines().find(({ message }) => message === 'Listening');
    return `http://127.0.0.1:${listening?.['port']}`;
  }

  /** Its exit code, or the signal that ended it. */
  async ended(): Promise<number | string> {
    const [code, signal] = await this.#closed;
    return (code ?? signal) as number | string;
  }

  /** Ends it for good. */
  async kill(): Promise<void> {
    if (this.#isGroup) killGroup(this.child);
    this.child.kill('SIGKILL');
    await this.ended();
  }
}

/** Whoever is left of it: what npm started may outlive npm. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
