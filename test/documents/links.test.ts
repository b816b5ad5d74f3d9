import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import GithubSlugger from 'github-slugger';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const IGNORED = new Set(['node_modules', 'dist', 'data', '.git']);

const files = readdirSync(ROOT, { withFileTypes: true }).flatMap((entry): string[] => {
  if (IGNORED.has(entry.name)) return [];
  const inside = entry.isDirectory()
    ? readdirSync(path.join(ROOT, entry.name), { recursive: true, encoding: 'utf8' })
    : [];
  return [entry.name, ...inside.map((name) => path.join(entry.name, name))].filter((name) =>
    name.endsWith('.md'),
  );
});

/** A document without its code, which contains no links. */
function proseOf(file: string): string {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  return text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, 'code');
}

/** Anchors of a document's headings, as GitHub generates them. */
function anchorsOf(file: string): Set<string> {
  const slugger = new GithubSlugger();
  const text = readFileSync(path.join(ROOT, file), 'utf8').replace(/^(```|~~~)[\s\S]*?^\1/gm, '');
  const headings = [...text.matchAll(/^#{1,6} +(.+?) *#*$/gm)].map(([, heading = '']) =>
    slugger.slug(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '')),
  );
  const named = [...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, name = '']) => name);
  return new Set([...headings, ...named]);
}

/** Targets of a document's links and images inside the repository. */
function targetsOf(file: string): string[] {
  const prose = proseOf(file);
  const links = [
    ...prose.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g),
    ...prose.matchAll(/^\[[^\]]+\]: +<?(\S+?)>?$/gm),
    ...prose.matchAll(/(?:src|href)="([^"]+)"/g),
  ].map(([, target = '']) => target);
  return links.filter((target) => !/^([a-z]+:|\/\/)/i.test(target));
}

/** The problem with a link; undefined if there is none. */
function problemOf(file: string, target: string): string | undefined {
  const [name = '', anchor] = target.split('#');
  const led = name === '' ? file : path.join(path.dirname(file), decodeURIComponent(name));
  if (led.startsWith('..') || !existsSync(path.join(ROOT, led))) return `${file}: there is no ${target}`;
  if (anchor === undefined || statSync(path.join(ROOT, led)).isDirectory() || !led.endsWith('.md'))
    return undefined;
  return anchorsOf(led).has(anchor) ? undefined : `${file}: ${led} has no heading #${anchor}`;
}

describe('the links of the documents', () => {
  it('lead somewhere', () => {
    const links = files.flatMap((file) => targetsOf(file).map((target) => [file, target] as const));
    expect(files).toContain('README.md');
    expect(links.length).toBeGreaterThan(10);
    expect(links.flatMap(([file, target]) => problemOf(file, target) ?? [])).toEqual([]);
  });

  it('are told from those that lead nowhere', () => {
    expect(problemOf('README.md', 'documentation/Nothing.md')).toContain('there is no');
    expect(problemOf('README.md', 'documentation/Operations.md#nothing-like-this')).toContain('no heading');
    expect(problemOf('documentation/Operations.md', '../../outside.md')).toContain('there is no');
    expect(problemOf('README.md', 'documentation/Operations.md#the-log')).toBeUndefined();
  });
});
