import path from 'node:path';

/** Folder of the package. This file is in `src`, in `dist`, or in a bundle in `dist`. */
const ROOT = path.resolve(import.meta.dirname, '..');

/** File with the name and version of the package. */
export const PACKAGE_FILE = path.join(ROOT, 'package.json');

/** Output folder of the dashboard build. */
export const DASHBOARD_DIRECTORY = path.join(ROOT, 'dist/dashboard');
