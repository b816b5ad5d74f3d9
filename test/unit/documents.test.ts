import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderConfiguration, renderEnvExample } from '../../scripts/configuration.js';
import { environmentSchema } from '../../src/config/index.js';
import { ERROR_STATUS } from '../../src/errors.js';

const read = (file: string) => readFileSync(path.resolve(import.meta.dirname, '../..', file), 'utf8');

/** Every variable with its default, as text. */
const defaults = Object.fromEntries(
  Object.entries(environmentSchema.parse({})).map(([name, value]) => [name, String(value)]),
);
const variables = Object.keys(environmentSchema.shape).sort();

/** Names and values, from a pattern with one group for each. */
const pairsOf = (text: string, pattern: RegExp) =>
  Object.fromEntries([...text.matchAll(pattern)].map(([, name = '', value = '']) => [name, value]));

describe('the documents', () => {
  it.each([
    ['.env.example', /^([A-Z_0-9]+)=(.*)$/gm],
    ['documentation/Configuration.md', /^\| `([A-Z_0-9]+)` \| `?(.*?)`? \| .+\|$/gm],
  ])('%s lists every variable with its default, and no other', (file, pattern) => {
    const listed = pairsOf(read(file), pattern);
    expect(Object.keys(listed).sort()).toEqual(variables);
    for (const name of variables) expect([name, listed[name]]).toEqual([name, defaults[name] ?? '']);
  });

  it.each([
    ['.env.example', renderEnvExample],
    ['documentation/Configuration.md', renderConfiguration],
  ])('%s is up to date (npm run documents)', (file, render) => {
    expect(read(file)).toBe(render());
  });

  it("the API guide's table of errors has every code under its status", () => {
    const rows = [...read('documentation/API_Guide.md').matchAll(/^\| (\d{3}) \| (.+?) \|/gm)];
    const listed = rows.flatMap(([, status, codes = '']) =>
      [...codes.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => [code, Number(status)]),
    );
    expect(Object.fromEntries(listed)).toEqual(ERROR_STATUS);
  });

  it('the workflow guide shows the example workflow as it is tested', () => {
    const example = read('test/examples/invertImage.ts').replaceAll('../../src/workflows/', './');
    expect(read('documentation/Workflows.md')).toContain(`\`\`\`ts\n${example}\`\`\``);
  });

  it('the README stays short', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(150);
  });
});
