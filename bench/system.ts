import { readdirSync, readFileSync } from 'node:fs';

const file = (pid: number, name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8');

/** Resident memory of a process. @throws Error if the system does not report it */
export function residentBytes(pid: number): number {
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(file(pid, 'status'))?.[1]);
}

/** CPU time of a process so far, including all threads, in microseconds. @throws Error if the system does not report it */
export function cpuMicroseconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  // The first number is time on a core, in nanoseconds.
  return threads.reduce((sum, id) => sum + Number(file(pid, `task/${id}/schedstat`).split(' ')[0]) / 1000, 0);
}
