import { z } from 'zod';

/** One header as `Name: value`. */
export const headerLine = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+:\s*[\x20-\x7e]+$/, 'must be one header as "Name: value"');

/** The two parts of a line that `headerLine` accepts. */
export function parseHeaderLine(line: string): { name: string; value: string } {
  const colon = line.indexOf(':');
  return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
}
