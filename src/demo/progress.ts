import type { Writable } from 'node:stream';

const WIDTH = 30;

/** Shows a job's progress on a terminal, redrawn in place; in a file or pipe it only writes the steps. */
export class ProgressBar {
  readonly #label: string;
  readonly #out: Writable & { isTTY?: boolean };
  #last = '';

  constructor(label: string, out: Writable & { isTTY?: boolean } = process.stdout) {
    this.#label = label;
    this.#out = out;
  }

  update(percentage: number, note: string): void {
    const filled = Math.round((percentage / 100) * WIDTH);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}`;
    const line = `  ${this.#label.padEnd(18)} ${bar} ${String(percentage).padStart(3)} %  ${note}`;
    if (line === this.#last) return;
    this.#last = line;
    this.#out.write(this.#out.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\n');
  }
}
