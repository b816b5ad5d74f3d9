import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: more workers than that only make real sockets and timers wait for each other.
    maxWorkers: 2,
    reporters: ['default'],
  },
});
