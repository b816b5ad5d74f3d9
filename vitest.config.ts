import { defineConfig } from 'vitest/config';

/** Tests that start no process: what they import is loaded once for each worker, not for each file. */
const WITHIN_THE_PROCESS = ['test/unit/**/*.test.ts', 'test/simulator/**/*.test.ts', 'test/api/**/*.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: more workers than that only make real sockets and timers wait for each other.
    maxWorkers: 2,
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['test/**/*.test.ts'],
          exclude: [...WITHIN_THE_PROCESS, 'node_modules/**'],
        },
      },
      { extends: true, test: { name: 'parts', include: WITHIN_THE_PROCESS, isolate: false } },
    ],
  },
});
