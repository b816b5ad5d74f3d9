import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ProgressBar } from '../../src/demo/progress.js';

/** What the bar writes, line by line. */
function linesOf(terminal: { isTTY?: boolean; columns?: number }): string[] {
  const out = Object.assign(new PassThrough({ encoding: 'utf8' }), terminal);
  const bar = new ProgressBar('restore-background', out);
  for (const percentage of [0, 40, 100]) bar.update(percentage, 'InspyrenetRembg');
  return String(out.read())
    .split(terminal.isTTY ? '\r\u001b[K' : '\n')
    .filter((line) => line !== '');
}

describe('the progress bar of the demo', () => {
  it.each([35, 40, 60, 80, 200])(
    'fits a terminal of %i columns, so that it is redrawn in place',
    (columns) => {
      const lines = linesOf({ isTTY: true, columns });
      expect(lines).toHaveLength(3);
      for (const line of lines) expect(line.length).toBeLessThan(columns);
      if (columns >= 60) expect(lines[1]).toContain(' 40 %  InspyrenetRembg');
    },
  );

  it('writes whole lines if there is no terminal, or if its width is unknown', () => {
    for (const terminal of [{}, { isTTY: true }]) {
      expect(linesOf(terminal)[1]).toBe(
        `  restore-background ${'█'.repeat(12)}${'░'.repeat(18)}  40 %  InspyrenetRembg`,
      );
    }
  });
});
