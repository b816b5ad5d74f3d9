import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Commands that other tests run, or that need a host other than this computer. */
const ELSEWHERE = /\bnpm\b|\.example\b/;

/** The shell commands of a document that can run against a server, in order. */
export function commandsOf(document: string): string[] {
  const text = readFileSync(path.join(ROOT, document), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.filter((block) => !ELSEWHERE.test(block));
}

/** @throws Error if curl is required but not installed */
export function requireCurl(): boolean {
  if (spawnSync('curl', ['--version']).status === 0) return true;
  if (process.env['CI']) throw new Error('No curl: install it (apt-get install curl).');
  process.stderr.write(
    '\nNOTICE: no curl here, the commands in the documents are NOT tested. Install curl.\n\n',
  );
  return false;
}
