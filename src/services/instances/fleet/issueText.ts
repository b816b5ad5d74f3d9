import type { z } from 'zod';

/** Which field of a machine's entry is invalid, and why, without its value, which may be a secret. */
export function issueText(issue: z.core.$ZodIssue): string {
  const field = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') return `the field ${issue.keys.join(', ')} is unknown`;
  return field === '' ? `the entry ${issue.message}` : `${field} ${issue.message}`;
}
