import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Whether the limit of a running process can be changed here: with `prlimit` of Linux. */
export const canLimitDescriptors = () => spawnSync('prlimit', ['--version']).status === 0;

/**
 * Changes how many file descriptors a running process may have. Those that it has stay open.
 * @returns a function that sets the earlier limit again
 */
export function limitDescriptors(pid: number | undefined, most: number): () => void {
  const before = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1];
  const set = (limit: number | string | undefined) =>
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`]);
  set(most);
  return () => void set(before);
}
