import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { PACKAGE_FILE } from './paths.js';

const manifest = z.object({ version: z.string() });

/** The server's version. */
export const version: string = manifest.parse(JSON.parse(readFileSync(PACKAGE_FILE, 'utf8'))).version;
