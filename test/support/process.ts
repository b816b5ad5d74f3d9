import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from './eventually.js';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Long enough for a busy computer on which many processes start at once. */
const START_TIMEOUT_MS = 60_000;

type LogLine = Record<string, unknown> & { message: string };

/** How the process is started, besides its environment variables. */
export interface Setting {
  /** For the shell's `ulimit`, such as `-f 0`: no file can be written. */
  readonly limit?: string;
  readonly nodeArguments?: readonly string[];
  /** URL of a module that changes the server's classes before it starts. */
  readonly patch?: string;
  /** Command that starts it instead of node, such as npm. */
  readonly command?: readonly string[];
  /** Whether it leads its own process group, as in a terminal. */
  readonly isGroup?: boolean;
}

/** The built server as a separate process. */
export class ServerProcess {
  readonly child: ChildProcess;
  /** Its whole output, including standard error. */
  output = '';

  /** Resolves when the process has ended and all its output was read. */
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

  /** Starts the server with only these variables, on a free port unless one is given. */
  static spawn(env: Readonly<Record<string, string>>, setting: Setting = {}): ServerProcess {
    const metrics = path.join(mkdtempSync(path.join(tmpdir(), 'metrics-')), 'metrics.json');
    const command = setting.command ?? [process.execPath, ...argumentsOf(setting)];
    // A process in between does not pass on the channel to this process.
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

  /** Starts the server and waits until its instances were checked. */
  static async start(env: Readonly<Record<string, string>>, setting: Setting = {}): Promise<ServerProcess> {
    const server = ServerProcess.spawn(env, setting);
    await eventually(() => {
      if (!server.lines().some(({ message }) => message === 'Instance')) throw new Error(server.output);
    }, START_TIMEOUT_MS);
    return server;
  }

  /** Its log, by lines. */
  lines(): LogLine[] {
    return this.output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as LogLine];
        } catch {
          // The last line may be incomplete.
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

  /** Kills the process. */
  async kill(): Promise<void> {
    if (this.#isGroup) killGroup(this.child);
    this.child.kill('SIGKILL');
    await this.ended();
  }
}

/** Kills the process group: what npm started may outlive npm. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has already ended.
  }
}

/** Classes can only be changed where each has a file of its own. */
function argumentsOf({ nodeArguments = [], patch }: Setting): string[] {
  return patch
    ? [...nodeArguments, '--import', patch, 'dist/server.js']
    : [...nodeArguments, 'dist/server.bundle.js'];
}
