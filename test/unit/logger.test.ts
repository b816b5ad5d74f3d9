import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../src/utils/logger.js';

let directory: string;
const written: string[] = [];

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'logs-'));
  written.length = 0;
  // winston's console transport writes to the stream behind `console`.
  // biome-ignore lint/suspicious/noExplicitAny: winston reaches for this private member itself
  vi.spyOn((console as any)._stdout, 'write').mockImplementation((line: unknown) => {
    written.push(String(line));
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

describe('the logger', () => {
  it('writes JSON lines with the fixed fields, errors to a file of their own too', async () => {
    const logger = createLogger({ level: 'info', directory, pretty: false });
    const log = logger.child({ component: 'jobs' });
    log.info('Job completed', { jobId: '7', resultSize: 5 });
    log.error('Job failed', { jobId: '8' });
    log.debug('not at this level');
    await logger.close();
    const lines = (await readFile(path.join(directory, 'combined.log'), 'utf8'))
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l));
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'info',
        message: 'Job completed',
        component: 'jobs',
        jobId: '7',
        resultSize: 5,
      }),
      expect.objectContaining({ level: 'error', message: 'Job failed', component: 'jobs', jobId: '8' }),
    ]);
    for (const line of lines) {
      expect(line.service).toBe('comfyui-express-middleware');
      expect(new Date(line.timestamp).toISOString()).toBe(line.timestamp);
    }
    expect(await readFile(path.join(directory, 'error.log'), 'utf8')).toBe(`${JSON.stringify(lines[1])}\n`);
    expect(written.map((line) => JSON.parse(line))).toEqual(lines);
  });

  it('goes on with the console when the folder cannot be written', async () => {
    const file = path.join(directory, 'file');
    await writeFile(file, '');
    const logger = createLogger({ level: 'info', directory: path.join(file, 'logs'), pretty: false });
    logger.info('still here');
    await logger.close();
    expect(written.join('')).toContain('Log folder cannot be written');
    expect(written.join('')).toContain('still here');
  });

  it('is readable on a terminal', async () => {
    const logger = createLogger({ level: 'info', directory: '', pretty: true });
    logger.child({ component: 'jobs' }).info('Job completed', { jobId: '7', instance: undefined });
    await logger.close();
    expect(written.join('')).toMatch(/\d\d:\d\d:\d\d\.\d{3} .*info.* \[jobs\] Job completed {2}jobId=7\n/);
  });
});
