/** Origins of apps, extensions and files, as browsers send them. */
export const APP_ORIGINS = [
  'null',
  'file://',
  'app://obsidian.md',
  'tauri://localhost',
  'chrome-extension://abcdefghijklmnop',
];
