import { readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import { isMissing } from '../../utils/isMissing.js';
import type { Logger } from '../../utils/logger.js';
import { replaceFile } from '../../utils/replaceFile.js';
import { type Recorder, recorderState } from './Recorder.js';

const VERSION = 1;

const fileContent = z.object({
  application: z.literal('comfyui-express-middleware'),
  version: z.literal(VERSION),
  /** Epoch ms. */
  savedAt: z.number(),
  metrics: recorderState,
});

/** State of the metrics file. Times are epoch ms. */
export interface PersistenceStatus {
  readonly filePath: string;
  readonly intervalMs: number;
  readonly lastSave: number | null;
  readonly nextSave: number | null;
  readonly sizeBytes: number | null;
  readonly lastError: string | null;
}

/**
 * Keeps the recorder's metrics over restarts, in one file. It is written under another name and renamed, so it is
 * always complete. Disk errors are only logged.
 */
export class MetricsFile {
  readonly #file: string;
  readonly #intervalMs: number;
  readonly #recorder: Recorder;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  #lastSave: number | null = null;
  #nextSave: number | null = null;
  #sizeBytes: number | null = null;
  #lastError: string | null = null;

  /** @param options with `intervalMs` 0, the file is saved only on demand and at the end */
  constructor(
    options: { file: string; intervalMs: number },
    recorder: Recorder,
    clock: Clock,
    logger: Logger,
  ) {
    this.#file = path.resolve(options.file);
    this.#intervalMs = options.intervalMs;
    this.#recorder = recorder;
    this.#clock = clock;
    this.#logger = logger;
  }

  get status(): PersistenceStatus {
    return {
      filePath: path.relative(process.cwd(), this.#file) || '.',
      intervalMs: this.#intervalMs,
      lastSave: this.#lastSave,
      nextSave: this.#nextSave,
      sizeBytes: this.#sizeBytes,
      lastError: this.#lastError,
    };
  }

  /** Loads the metrics of an earlier process, and starts saving at the interval. */
  async start(): Promise<void> {
    await this.#load();
    if (this.#intervalMs === 0) return;
    this.#nextSave = this.#clock.now() + this.#intervalMs;
    this.#timer = setInterval(() => {
      this.#nextSave = this.#clock.now() + this.#intervalMs;
      void this.save().catch(() => undefined);
    }, this.#intervalMs);
  }

  /** Saves a last time. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#nextSave = null;
    await this.save().catch(() => undefined);
  }

  /**
   * Writes the file. Concurrent calls write one after the other.
   * @throws Error of the disk, after it was logged and stored in `status`
   */
  async save(): Promise<void> {
    const written = this.#writing.then(() => this.#write());
    this.#writing = written.catch(() => undefined);
    try {
      await written;
      this.#lastError = null;
    } catch (error) {
      this.#lastError = messageOf(error);
      this.#logger.error('Metrics could not be saved', { error: this.#lastError });
      throw error;
    }
  }

  async #write(): Promise<void> {
    const savedAt = this.#clock.now();
    const content = Buffer.from(
      JSON.stringify({
        application: 'comfyui-express-middleware',
        version: VERSION,
        savedAt,
        metrics: this.#recorder.toState(),
      } satisfies z.input<typeof fileContent>),
    );
    await replaceFile(this.#file, content);
    this.#lastSave = savedAt;
    this.#sizeBytes = content.length;
    this.#logger.debug('Metrics saved', { bytes: content.length });
  }

  async #load(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if (isMissing(error)) return;
      this.#lastError = messageOf(error);
      this.#logger.error('Metrics could not be read', { error: this.#lastError });
      return;
    }
    try {
      const { savedAt, metrics } = fileContent.parse(JSON.parse(text));
      this.#recorder.restore(metrics);
      this.#lastSave = savedAt;
      this.#sizeBytes = (await stat(this.#file)).size;
      this.#logger.info('Metrics loaded', { jobs: metrics.all.completed + metrics.all.failed });
    } catch (error) {
      await this.#putAside(error);
    }
  }

  /** Keeps an unreadable file under another name: someone may need it, and it may belong to another program. */
  async #putAside(error: unknown): Promise<void> {
    const aside = `${this.#file}.unreadable-${new Date(this.#clock.now()).toISOString().replace(/[:.]/g, '-')}`;
    const fields = { error: messageOf(error).slice(0, 300), movedTo: path.basename(aside) };
    try {
      await rename(this.#file, aside);
      this.#logger.warn('Metrics file is damaged or not ours, put aside', fields);
    } catch (renameError) {
      this.#lastError = messageOf(renameError);
      this.#logger.error('Metrics file is damaged and cannot be put aside', fields);
    }
  }
}
