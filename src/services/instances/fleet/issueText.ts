import type { z } from 'zod';

/** Which field of a machine's entry is wrong, and how, without its value: that may be a secret. */
export function issueText(issue: z.core.$ZodIssue): string {
  const field = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') return `no field ${issue.keys.join(', ')} is known`;
  return field === '' ? issue.message : `${field}: ${issue.message}`;
}
