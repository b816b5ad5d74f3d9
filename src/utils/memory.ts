import { getHeapStatistics } from 'node:v8';

// Linux reads the memory of a process from a file: without file descriptors, `process.memoryUsage` throws.

let lastResident = 0;

/** Memory of the process, in bytes; the last known value if the system does not tell it now. */
export function residentBytes(): number {
  try {
    lastResident = process.memoryUsage.rss();
  } catch {
    // The last value is near enough.
  }
  return lastResident;
}

/** Memory of all buffers, in bytes. If the system does not tell it, with what else V8 counts as memory outside of its heap. */
export function bufferBytes(): number {
  try {
    return process.memoryUsage().arrayBuffers;
  } catch {
    return getHeapStatistics().external_memory;
  }
}
