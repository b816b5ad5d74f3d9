/** Parsers for each kind of variable. The description says what it accepts, for the error message. */
import { z } from 'zod';
import { hostEntry } from '../utils/hostNames.js';
import { splitList } from '../utils/lists.js';
import { MAX_TIMER_MS } from '../utils/timers.js';

export const MIB = 1024 * 1024;

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .refine((n) => n >= min && n <= max);

export const integer = (fallback: number, min: number, max: number) =>
  wholeNumber(min, max).default(fallback).describe(`a whole number from ${min} to ${max}`);

/** A whole number without a default. */
export const optionalInteger = (min: number, max: number) =>
  wholeNumber(min, max).optional().describe(`a whole number from ${min} to ${max}`);

/** A size, at least 1. */
export const bytes = (fallback: number) => integer(fallback, 1, Number.MAX_SAFE_INTEGER);

export const milliseconds = (fallback: number, min = 1) => integer(fallback, min, MAX_TIMER_MS);

export const flag = (fallback: boolean) =>
  z
    .string()
    .toLowerCase()
    .refine((value) => ['true', 'false', '1', '0', 'yes', 'no', 'on', 'off'].includes(value))
    .transform((value) => ['true', '1', 'yes', 'on'].includes(value))
    .default(fallback)
    .describe('true or false');

/** One of a few words, case-insensitive. */
export const choice = <const T extends readonly [string, ...string[]]>(options: T) =>
  z.string().toLowerCase().pipe(z.enum(options));

/** A folder, not empty. */
export const folder = (fallback: string) => z.string().min(1).default(fallback).describe('a folder');

/** A variable that is parsed by a function, which returns undefined for invalid values. */
export const parsedBy = <T>(parse: (text: string) => T | undefined) =>
  z.string().transform((text, context) => {
    const value = parse(text);
    if (value === undefined) context.addIssue('is not valid');
    return value ?? z.NEVER;
  });

/** Hosts as `hostEntry` returns them. */
export const hostList = parsedBy(parseHosts)
  .default([])
  .describe(
    'comma-separated host names and addresses, each with or without a port (no URLs, networks or wildcards)',
  );

function parseHosts(text: string): string[] | undefined {
  const hosts = splitList(text).map(hostEntry);
  return hosts.every((host) => host !== undefined) ? hosts : undefined;
}

/** An http or https URL without credentials, query or fragment; returned without a trailing slash. */
export const plainUrl = parsedBy(parsePlainUrl);

function parsePlainUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!['http:', 'https:'].includes(url.protocol) || !isPlain) return undefined;
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** The parsed values of a subject's variables. */
export type Values<Variables extends z.ZodRawShape> = z.output<z.ZodObject<Variables>>;
