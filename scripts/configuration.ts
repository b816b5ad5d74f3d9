import type { z } from 'zod';
import { accessVariables } from '../src/config/access.js';
import { apiVariables } from '../src/config/api.js';
import { assetVariables } from '../src/config/assets.js';
import { environmentSchema } from '../src/config/index.js';
import { jobVariables } from '../src/config/jobs.js';
import { logVariables } from '../src/config/log.js';
import { machineVariables } from '../src/config/machines.js';
import { metricsVariables } from '../src/config/metrics.js';
import { nativeVariables } from '../src/config/native.js';
import { outputVariables } from '../src/config/outputs.js';
import { queueVariables } from '../src/config/queue.js';
import { serverVariables } from '../src/config/server.js';
import { tracingVariables } from '../src/config/tracing.js';
import { uploadVariables } from '../src/config/uploads.js';
import { webhookVariables } from '../src/config/webhooks.js';
import { workflowVariables } from '../src/config/workflows.js';

/** The documents' sections, in order. A setting that is in no section goes into the last one. */
const SECTIONS: Readonly<Record<string, z.ZodRawShape>> = {
  Server: serverVariables,
  Logging: logVariables,
  'ComfyUI machines': machineVariables,
  Jobs: jobVariables,
  Uploads: uploadVariables,
  'Saved results': outputVariables,
  'Asset storage': assetVariables,
  Queue: queueVariables,
  'Access and limits': accessVariables,
  'Other APIs': { ...apiVariables, ...nativeVariables },
  Webhooks: webhookVariables,
  Metrics: metricsVariables,
  Tracing: tracingVariables,
  Workflows: workflowVariables,
};

const INTRODUCTION = `# Configuration

Generated from the schema in \`src/config\` by \`npm run documents\`.

The server reads its settings from environment variables and from a \`.env\` file in the working directory. Copy
[\`.env.example\`](../.env.example) to start. An invalid value stops the server at startup, with one message that names every
invalid setting, its value and what it accepts. An empty variable counts as unset, except for \`LOG_DIR\`, \`STATE_DIR\` and
\`WORKFLOWS_DIR\`, where it turns the feature off. Sizes are in bytes, times in milliseconds, unless stated otherwise.

In the file, an unquoted value ends at the first \`#\`. Put values that contain \`#\` in quotes (\`API_KEYS="shop:…#…"\`); a secret that
is cut at a \`#\` stops the server. Put comments on lines of their own. The environment takes precedence over the file. Docker's
\`--env-file\` and systemd's \`EnvironmentFile\` turn a file into environment variables by rules of their own: Docker keeps quotes and
comments behind values, and the server does not notice changes of such a file.
`;

const ENV_INTRODUCTION = `# Every setting with its default. Copy this file to .env and change what you need.
# Generated from the schema in src/config by "npm run documents"; see documentation/Configuration.md.
# An empty variable counts as unset, except for LOG_DIR, STATE_DIR and WORKFLOWS_DIR, where it turns the feature off.
# An unquoted value ends at the first #: put values that contain # in quotes.
`;

interface Setting {
  readonly name: string;
  /** The default as written into a file; empty if there is none. */
  readonly fallback: string;
  /** Markdown. */
  readonly meaning: string;
}

/** Renders `Configuration.md`: every setting with its default, by section. */
export function renderConfiguration(): string {
  const tables = sections().map(({ title, settings }) => {
    const rows = settings.map(
      ({ name, fallback, meaning }) =>
        `| \`${name}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${meaning.replaceAll('|', '\\|')} |`,
    );
    return `## ${title}\n\n| variable | default | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `${INTRODUCTION}\n${tables.join('\n')}`;
}

/** Renders `.env.example`: the same as a file that the server can read. */
export function renderEnvExample(): string {
  const parts = sections().map(({ title, settings }) => {
    const lines = settings.map(
      ({ name, fallback, meaning }) => `${commented(meaning.replaceAll('`', ''))}\n${name}=${fallback}`,
    );
    return `# --- ${title}\n\n${lines.join('\n\n')}\n`;
  });
  return `${ENV_INTRODUCTION}\n${parts.join('\n')}`;
}

function sections(): ReadonlyArray<{ readonly title: string; readonly settings: readonly Setting[] }> {
  const defaults: Readonly<Record<string, unknown>> = environmentSchema.parse({});
  const listed = new Set(Object.values(SECTIONS).flatMap((variables) => Object.keys(variables)));
  const unlisted = Object.keys(environmentSchema.shape).filter((name) => !listed.has(name));
  const all = Object.entries(SECTIONS).map(([title, variables]) => ({
    title,
    names: Object.keys(variables),
  }));
  if (unlisted.length > 0) all.push({ title: 'Other', names: unlisted });
  return all.map(({ title, names }) => ({
    title,
    settings: names.map((name) => ({
      name,
      fallback: String(defaults[name] ?? ''),
      meaning: meaningOf(name),
    })),
  }));
}

/** @throws Error for a setting without a description */
function meaningOf(name: string): string {
  const shape: Readonly<Record<string, z.ZodType>> = environmentSchema.shape;
  const meaning = shape[name]?.meta()?.['meaning'];
  if (typeof meaning === 'string') return meaning;
  throw new Error(`${name} has no meaning: add .meta({ meaning: '…' }) to its schema in src/config.`);
}

/** Text as comment lines of at most 110 characters. */
function commented(text: string): string {
  const lines = ['#'];
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length > 110) lines.push(`# ${word}`);
    else lines[lines.length - 1] = line;
  }
  return lines.join('\n');
}
