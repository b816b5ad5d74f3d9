import path from 'node:path';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  build: {
    outDir: path.resolve(import.meta.dirname, '../../dist/dashboard'),
    emptyOutDir: true,
    // Every file of its own: the page's policy allows no data in URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
