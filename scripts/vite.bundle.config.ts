import { defineConfig } from 'vite';

/** Loaded from their own folders: they contain native code, look for files beside them, or are needed by few servers. */
const NOT_BUNDLED = [
  'sharp',
  '@napi-rs/blake-hash',
  'swagger-ui-dist',
  /^@aws-sdk\//,
  /^@opentelemetry\//,
  'bullmq',
  'ioredis',
  'rate-limit-redis',
];

/**
 * Bundles the executables, `dist/server.bundle.js` and `dist/simulator.bundle.js`, and what other programs import,
 * `dist/index.bundle.js`. Node takes twice as long to load the same code from 1,500 files.
 */
export default defineConfig({
  build: {
    ssr: true,
    target: 'node20',
    outDir: 'dist',
    emptyOutDir: false,
    minify: false,
    rolldownOptions: {
      input: { server: 'src/server.ts', simulator: 'src/simulator/cli.ts', index: 'src/index.ts' },
      external: NOT_BUNDLED,
      output: { entryFileNames: '[name].bundle.js', chunkFileNames: 'bundle-[name].js' },
      // hdr-histogram-js uses it to load zlib, which is harmless.
      checks: { eval: false },
    },
  },
  ssr: { noExternal: true },
});
