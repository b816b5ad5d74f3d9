import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';

const SCRIPT = path.resolve(import.meta.dirname, '../../dist/demo/index.js');
/** Several processes may take long to start on a busy computer. */
const START_MS = 120_000;

/** A folder in which the demo is started. */
let folder: string;
/** Temporary files of the demo and its processes. Each process has a folder in it until it has ended. */
let temporary: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'demo-'));
  temporary = path.join(folder, 'tmp');
  mkdirSync(temporary);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The demo as a process, and what it wrote. */
class Demo {
  readonly child: ChildProcess;
  output = '';
  readonly #ended: Promise<unknown[]>;

  constructor(...options: readonly string[]) {
    this.child = spawn(process.execPath, [SCRIPT, '--out', path.join(folder, 'out'), ...options], {
      cwd: folder,
      env: { PATH: process.env['PATH'], TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (part: Buffer) => {
        this.output += part.toString();
      });
    }
  }

  /** Waits for a text in the output. */
  says(pattern: RegExp): Promise<void> {
    return eventually(() => expect(this.output).toMatch(pattern), START_MS);
  }

  /** Its exit code, or the signal that ended it. */
  async ended(): Promise<unknown> {
    const [code, signal] = await this.#ended;
    return code ?? signal;
  }
}

/** Whether something listens on each of the addresses in a text. */
async function answering(text: string): Promise<string[]> {
  const hosts = [...new Set(text.match(/127\.0\.0\.1:\d+/g))];
  const answers = hosts.map((host) =>
    fetch(`http://${host}/`).then(
      () => [host],
      () => [],
    ),
  );
  return (await Promise.all(answers)).flat();
}

describe('the processes of the demo', { timeout: START_MS }, () => {
  it('have none of the settings that are in the folder in which it is started', async () => {
    const settings = [
      'API_KEYS=0123456789abcdef',
      'RATE_LIMIT_PER_MINUTE=2',
      'OUTPUT_FILES=true',
      'ASSET_STORE=disk',
      'COMFYUI_HOST_1=127.0.0.1:9',
    ];
    writeFileSync(path.join(folder, '.env'), `${settings.join('\n')}\n`);
    const demo = new Demo('--once');
    expect([await demo.ended(), demo.output]).toEqual([0, expect.stringContaining('Before and after: out')]);
    expect(readdirSync(folder).sort()).toEqual(['.env', 'out', 'tmp']);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'end with the demo after %s in its tour',
    async (signal) => {
      const demo = new Demo('--port', '0');
      await demo.says(/ 33 %/);
      expect(await answering(demo.output)).toHaveLength(3);
      demo.child.kill(signal);
      expect(await demo.ended()).toBe(1);
      expect(await answering(demo.output)).toEqual([]);
      expect(readdirSync(temporary)).toEqual([]);
      expect(demo.output).not.toContain('failed');
    },
  );

  it('end with the demo when it is stopped while they start', async () => {
    const demo = new Demo('--port', '0');
    await eventually(() => expect(readdirSync(temporary)).not.toEqual([]), START_MS);
    demo.child.kill('SIGINT');
    expect(await demo.ended()).toBe(1);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('end with the demo when nobody reads its output any more', async () => {
    const demo = new Demo('--port', '0');
    await demo.says(/simulated ComfyUI on/);
    const { output } = demo;
    demo.child.stdout?.destroy();
    expect(await demo.ended()).toBe(1);
    expect(await answering(output)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it.each(['SIGINT', 'SIGHUP'] as const)('serve after the tour until %s', async (signal) => {
    const demo = new Demo('--port', '0');
    await demo.says(/keeps running/);
    expect(await answering(demo.output)).toHaveLength(3);
    demo.child.kill(signal);
    expect(await demo.ended()).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
