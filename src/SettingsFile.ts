import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { type Config, ConfigError, loadConfig, SECRETS } from './config/index.js';
import { messageOf } from './errors.js';
import { parseEnvFile } from './utils/envFile.js';
import type { Logger } from './utils/logger.js';

/** The only file that need not exist. Many servers have all their settings in the environment, where `ENV_FILE` may name it. */
const DEFAULT_FILE = '.env';
/** Poll interval for the file, ms. */
const LOOK_MS = 1000;
/** Variables whose new values apply at once; all others need a restart. */
const LIVE: ReadonlySet<string> = new Set(['API_KEYS', 'LOG_LEVEL']);

type Variables = Readonly<Record<string, string | undefined>>;

/** Settings that can change while the server runs. */
export type LiveSettings = Pick<Config, 'access' | 'log'>;

/**
 * The settings from the environment, and from a file in the format of `.env` (`ENV_FILE`) for variables that the environment does
 * not set. The file is polled, which also detects changes of files mounted into containers, whose folders are replaced.
 */
export class SettingsFile {
  readonly #env: Variables;
  readonly #path: string;
  /** The file's content at the last read; undefined if there was none. */
  #text: string | undefined;
  #variables: Variables = {};

  /** @param env the environment, which takes precedence over the file */
  constructor(env: Variables) {
    this.#env = env;
    this.#path = env['ENV_FILE']?.trim() || DEFAULT_FILE;
  }

  /** The variables from the file. */
  get variables(): Variables {
    return this.#variables;
  }

  /**
   * Reads the settings. A file that is missing or cannot be read is an error: it may contain the API keys.
   * @throws ConfigError
   */
  read(): Config {
    const config = this.#load();
    if (this.#text === undefined && this.#path !== DEFAULT_FILE) throw this.#unreadable('it does not exist');
    return config;
  }

  /**
   * Watches the file from now on. An invalid or missing file changes nothing.
   * @param apply called with the settings after each change
   * @returns a function that stops watching
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
      const config = this.#load();
      if (this.#text === textBefore) return;
      if (this.#text === undefined) throw new Error('the file is gone');
      // A mistake in the file must not open the server to everyone.
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

  #load(): Config {
    // If the file cannot be read now, its next content is new.
    this.#text = undefined;
    this.#text = this.#readText();
    const { variables, cut } = parseEnvFile(this.#text ?? '');
    const secret = cut.find((name) => SECRETS.has(name) && this.#env[name] === undefined);
    if (secret !== undefined) {
      throw new ConfigError(
        `Invalid configuration:\n  ${secret}: ends at a # in ${this.#path}. Put the value in quotes if the # belongs to it, or a space before the # of a comment`,
      );
    }
    this.#variables = variables;
    return loadConfig({ ...variables, ...this.#env });
  }

  /** @throws ConfigError for a file that exists and cannot be read */
  #readText(): string | undefined {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw this.#unreadable(messageOf(error));
    }
  }

  #unreadable(reason: string): ConfigError {
    const file = JSON.stringify(this.#path);
    return new ConfigError(
      `Invalid configuration:\n  ENV_FILE: must be a file of settings, but ${file} cannot be read: ${reason}`,
    );
  }
}

/** Names of the variables that differ. */
function changed(before: Variables, now: Variables): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => before[name] !== now[name]);
}
