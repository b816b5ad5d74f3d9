// Builds when the package is created: by `npm pack`, and by npm when another project installs it from git. Not after `npm ci` in
// a clone, which should be fast, and not if the build tools are not installed. Plain JavaScript: it runs before anything else is
// built.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const { INIT_CWD: calledIn = root, npm_command: command } = process.env;
// The folder in which npm was called: for an installation from git that is the other project.
const isForOthers = path.resolve(calledIn) !== root || command === 'pack' || command === 'publish';
const canBuild = ['typescript', 'vite'].every((name) => existsSync(path.join(root, 'node_modules', name)));

if (isForOthers && canBuild) {
  execFileSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
}
