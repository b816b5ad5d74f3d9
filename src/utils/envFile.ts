import dotenv from 'dotenv';

/** A character of Unicode's private use area, in place of a `#` that is part of a value. */
const PLACEHOLDER = '\uE000';

/** The content of a file in the format of `.env`. */
export interface EnvFile {
  readonly variables: Readonly<Record<string, string>>;
  /** Variables whose values end at a `#` that directly follows another character: it may belong to the value. */
  readonly cut: readonly string[];
}

/** Parses a file in the format of `.env`. */
export function parseEnvFile(text: string): EnvFile {
  const variables = dotenv.parse(text);
  const whole = dotenv.parse(text.replace(/(?<=\S)#/g, PLACEHOLDER));
  const cut = Object.keys(variables).filter(
    (name) => whole[name]?.replaceAll(PLACEHOLDER, '#') !== variables[name],
  );
  return { variables, cut };
}
