const WIDTH = 30;
/** One job's progress on a terminal, redrawn in place; in a file or pipe only its steps. */
export class ProgressBar {
    #label;
    #out;
    #last = '';
    constructor(label, out = process.stdout) {
        this.#label = label;
        this.#out = out;
    }
    update(percentage, note) {
        const filled = Math.round((percentage / 100) * WIDTH);
        const bar = `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}`;
        const line = `  ${this.#label.padEnd(18)} ${bar} ${String(percentage).padStart(3)} %  ${note}`;
        if (line === this.#last)
            return;
        this.#last = line;
        this.#out.write(this.#out.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
    }
    end() {
        if (this.#out.isTTY)
            this.#out.write('\n');
    }
}
//# sourceMappingURL=progress.js.map