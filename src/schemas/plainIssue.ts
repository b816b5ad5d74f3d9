import type { z } from 'zod';

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** What is counted, by the origin of a limit; numbers are compared themselves. */
const UNITS: Readonly<Record<string, string>> = { string: 'characters', array: 'entries' };

/**
 * Describes what is wrong with a value, as the end of a sentence such as `must be a number`. It replaces zod's own
 * messages, which name the types of JavaScript. It never quotes the value, which may be secret.
 */
export const plainIssue: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'too_small': {
      const least = issue.inclusive === false ? 'more than' : 'at least';
      return limit(issue.origin, least, issue.minimum);
    }
    case 'too_big': {
      const most = issue.inclusive === false ? 'less than' : 'at most';
      return limit(issue.origin, most, issue.maximum);
    }
    case 'unrecognized_keys':
      return `has the unknown key ${issue.keys.join(', ')}`;
    default:
      return 'is not valid';
  }
};

function limit(origin: string, words: string, value: number | bigint): string {
  const unit = UNITS[origin];
  return unit === undefined ? `must be ${words} ${value}` : `must have ${words} ${value} ${unit}`;
}
