import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Commands that other tests run, or that need a host outside of this computer. */
const ELSEWHERE = /\bnpm\b|\.example\b/;

/** The blocks of shell commands of a document that can be run against a server, in their order. */
export function commandsOf(document: string): string[] {
  const text = readFileSync(path.join(ROOT, document), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.filter((block) => !ELSEWHERE.test(block));
}

/** @throws Error where there is no curl although there must be one */
export function requireCurl(): boolean {
  if (spawnSync('curl', ['--version']).status === 0) return true;
  if (process.env['CI']) throw new Error('No curl: install it (apt-get install curl).');
  process.stderr.write(
    '\nNOTICE: no curl here, the commands in the documents are NOT tested. Install curl.\n\n',
  );
  return false;
}
