import type { Writable } from 'node:stream';

const WIDTH = 30;
const LEAST_WIDTH = 5;

type Output = Writable & { isTTY?: boolean; columns?: number };

/** Shows a job's progress on a terminal, redrawn in place; in a file or pipe it only writes the steps. */
export class ProgressBar {
  readonly #label: string;
  readonly #out: Output;
  #last = '';

  constructor(label: string, out: Output = process.stdout) {
    this.#label = label;
    this.#out = out;
  }

  update(percentage: number, note: string): void {
    const label = `  ${this.#label.padEnd(18)} `;
    const rest = ` ${String(percentage).padStart(3)} %  ${note}`;
    // A line that wraps cannot be redrawn in place.
    const room = this.#out.isTTY
      ? (this.#out.columns ?? Number.POSITIVE_INFINITY) - 1
      : Number.POSITIVE_INFINITY;
    const width = Math.max(LEAST_WIDTH, Math.min(WIDTH, room - label.length - rest.length));
    const filled = Math.round((percentage / 100) * width);
    const line = `${label}${'█'.repeat(filled)}${'░'.repeat(width - filled)}${rest}`.slice(0, room);
    if (line === this.#last) return;
    this.#last = line;
    this.#out.write(this.#out.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\n');
  }
}
