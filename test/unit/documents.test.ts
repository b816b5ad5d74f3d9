import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { environmentSchema } from '../../src/config/index.js';
import { ERROR_STATUS } from '../../src/errors.js';

const read = (file: string) => readFileSync(path.resolve(import.meta.dirname, '../..', file), 'utf8');

/** Every variable with its default, as one writes it into a file. */
const defaults = Object.fromEntries(
  Object.entries(environmentSchema.parse({})).map(([name, value]) => [name, String(value)]),
);
const variables = Object.keys(environmentSchema.shape).sort();

describe('the documents', () => {
  const examples = Object.fromEntries(
    [...read('.env.example').matchAll(/^([A-Z_0-9]+)=(.*)$/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
  const readme = read('README.md');
  const table = Object.fromEntries(
    [...readme.matchAll(/^\| `([A-Z_0-9]+)` \| (.*?) ?\| .+\|$/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );

  it.each([
    ['.env.example', examples],
    ["README's table", table],
  ])('%s lists every variable with its default, and no other', (_, listed) => {
    expect(Object.keys(listed).sort()).toEqual(variables);
    for (const name of variables) expect([name, listed[name]]).toEqual([name, defaults[name] ?? '']);
  });

  it("README's table of errors has every code under its status", () => {
    const rows = [...readme.matchAll(/^\| (\d{3}) \| (.+?) \|/gm)];
    const listed = rows.flatMap(([, status, codes = '']) =>
      [...codes.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => [code, Number(status)]),
    );
    expect(Object.fromEntries(listed)).toEqual(ERROR_STATUS);
  });

  it('README shows the example workflow as it is tested', () => {
    const example = read('test/examples/invertImage.ts').replaceAll('../../src/workflows/', './');
    expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);
  });
});
