import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Writes a whole file of settings into `folder`, as editors and containers do. @returns its path, for `ENV_FILE` */
export function writeSettings(folder: string, settings: Readonly<Record<string, string>>): string {
  const file = path.join(folder, 'settings.env');
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(`${file}.new`, lines.join(''));
  renameSync(`${file}.new`, file);
  return file;
}
