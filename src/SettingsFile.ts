import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import dotenv from 'dotenv';
import { type Config, loadConfig } from './config/index.js';
import { messageOf } from './errors.js';
import type { Logger } from './utils/logger.js';

/** Between two looks at the file, ms. */
const LOOK_MS = 1000;
/** Variables whose new values are used at once; all others need a restart. */
const LIVE: ReadonlySet<string> = new Set(['API_KEYS', 'LOG_LEVEL']);

type Variables = Readonly<Record<string, string | undefined>>;

/** What changes while the server runs. */
export type LiveSettings = Pick<Config, 'access' | 'log'>;

/**
 * The settings of the environment, and of a file in the form of `.env` (`ENV_FILE`) for what the environment leaves out. The
 * file is looked at again and again: polling also sees the mounted files of containers, whose folders are exchanged.
 */
export class SettingsFile {
  readonly #env: Variables;
  readonly #path: string;
  /** Of the file, as it was read last; undefined where there is none. */
  #text: string | undefined;
  #variables: Variables = {};

  /** @param env the environment, which wins over the file */
  constructor(env: Variables) {
    this.#env = env;
    this.#path = env['ENV_FILE']?.trim() || '.env';
  }

  /** What the file says. */
  get variables(): Variables {
    return this.#variables;
  }

  /** @throws ConfigError */
  read(): Config {
    this.#text = this.#readText();
    this.#variables = this.#text === undefined ? {} : dotenv.parse(this.#text);
    return loadConfig({ ...this.#variables, ...this.#env });
  }

  /**
   * Looks at the file from now on. One that cannot be used, or is gone, changes nothing.
   * @param apply called with the settings after each change
   * @returns ends it
   */
  watch(apply: (settings: LiveSettings) => void, logger: Logger): () => void {
    const look = () => this.#readAgain(apply, logger);
    watchFile(this.#path, { persistent: false, interval: LOOK_MS }, look);
    return () => unwatchFile(this.#path, look);
  }

  #readAgain(apply: (settings: LiveSettings) => void, logger: Logger): void {
    const [textBefore, before] = [this.#text, this.#variables];
    const hadKeys = Boolean(before['API_KEYS'] ?? this.#env['API_KEYS']);
    try {
      const config = this.read();
      if (this.#text === textBefore) return;
      if (this.#text === undefined) throw new Error('the file is gone');
      // A mistake in a file must not open the server to everybody.
      if (hadKeys && config.access.keys.length === 0)
        throw new Error('API_KEYS: the last key needs a restart to go');
      apply(config);
      const needRestart = changed(before, this.#variables).filter((name) => !LIVE.has(name));
      logger.info('Settings read again', {
        file: this.#path,
        logLevel: config.log.level,
        keys: config.access.keys.length,
        ...(needRestart.length > 0 ? { needRestart } : {}),
      });
    } catch (error) {
      this.#variables = before;
      logger.error('Settings cannot be used, the earlier ones stay', {
        file: this.#path,
        error: messageOf(error),
      });
    }
  }

  #readText(): string | undefined {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch {
      return undefined;
    }
  }
}

/** Names of what is different. */
function changed(before: Variables, now: Variables): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => before[name] !== now[name]);
}
