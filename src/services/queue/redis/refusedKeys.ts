import { z } from 'zod';

/** What the client adds to a refusal of Redis. */
const refusal = z.object({ command: z.object({ name: z.string(), args: z.array(z.unknown()) }) });

/** Returns the keys that a command of ours named, if Redis refused it; for the log. */
export function refusedKeys(error: unknown): string[] {
  for (let one = error; one instanceof Error; one = one.cause) {
    const { data } = refusal.safeParse(one);
    if (!data) continue;
    const { name, args } = data.command;
    // A script has its hash or text, the number of keys, and the keys.
    const named = /^eval/i.test(name) ? args.slice(2, 2 + Number(args[1])) : args.slice(0, 1);
    // All keys start with the prefix in braces. Anything else may be secret, such as a password.
    return named.map(String).filter((key) => key.startsWith('{'));
  }
  return [];
}
