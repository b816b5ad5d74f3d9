import { readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../errors.js';
import { replaceFile } from '../../utils/replaceFile.js';
import { recorderState } from './Recorder.js';
const VERSION = 1;
const fileContent = z.object({
    application: z.literal('comfyui-express-middleware'),
    version: z.literal(VERSION),
    /** Epoch ms. */
    savedAt: z.number(),
    metrics: recorderState,
});
/**
 * Keeps the recorder's figures over restarts: in one file, written whole under another name and renamed, so that
 * it is always the old one or the new one. No failure of the disk gets further than the log.
 */
export class MetricsFile {
    #file;
    #intervalMs;
    #recorder;
    #clock;
    #logger;
    #timer;
    #writing = Promise.resolve();
    #lastSave = null;
    #nextSave = null;
    #sizeBytes = null;
    #lastError = null;
    /** @param options `intervalMs` 0 means: only on demand and at the end */
    constructor(options, recorder, clock, logger) {
        this.#file = path.resolve(options.file);
        this.#intervalMs = options.intervalMs;
        this.#recorder = recorder;
        this.#clock = clock;
        this.#logger = logger;
    }
    get status() {
        return {
            filePath: path.relative(process.cwd(), this.#file) || '.',
            intervalMs: this.#intervalMs,
            lastSave: this.#lastSave,
            nextSave: this.#nextSave,
            sizeBytes: this.#sizeBytes,
            lastError: this.#lastError,
        };
    }
    /** Reads what an earlier process left, and saves on the interval from now on. */
    async start() {
        await this.#load();
        if (this.#intervalMs === 0)
            return;
        this.#nextSave = this.#clock.now() + this.#intervalMs;
        this.#timer = setInterval(() => {
            this.#nextSave = this.#clock.now() + this.#intervalMs;
            void this.save().catch(() => undefined);
        }, this.#intervalMs);
    }
    /** Saves a last time. */
    async stop() {
        clearInterval(this.#timer);
        this.#timer = undefined;
        this.#nextSave = null;
        await this.save().catch(() => undefined);
    }
    /**
     * Writes the file; one after the other when several ask at once.
     * @throws Error of the disk, which was logged and shows in `status`
     */
    async save() {
        const written = this.#writing.then(() => this.#write());
        this.#writing = written.catch(() => undefined);
        try {
            await written;
            this.#lastError = null;
        }
        catch (error) {
            this.#lastError = messageOf(error);
            this.#logger.error('Metrics could not be saved', { error: this.#lastError });
            throw error;
        }
    }
    async #write() {
        const savedAt = this.#clock.now();
        const content = Buffer.from(JSON.stringify({
            application: 'comfyui-express-middleware',
            version: VERSION,
            savedAt,
            metrics: this.#recorder.toState(),
        }));
        await replaceFile(this.#file, content);
        this.#lastSave = savedAt;
        this.#sizeBytes = content.length;
        this.#logger.debug('Metrics saved', { bytes: content.length });
    }
    async #load() {
        let text;
        try {
            text = await readFile(this.#file, 'utf8');
        }
        catch (error) {
            if (error.code === 'ENOENT')
                return;
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
        }
        catch (error) {
            await this.#putAside(error);
        }
    }
    /** Somebody may want to look at it, and it must not be overwritten: it may be another program's. */
    async #putAside(error) {
        const aside = `${this.#file}.unreadable-${new Date(this.#clock.now()).toISOString().replace(/[:.]/g, '-')}`;
        const fields = { error: messageOf(error).slice(0, 300), movedTo: path.basename(aside) };
        try {
            await rename(this.#file, aside);
            this.#logger.warn('Metrics file is damaged or not ours, put aside', fields);
        }
        catch (renameError) {
            this.#lastError = messageOf(renameError);
            this.#logger.error('Metrics file is damaged and cannot be put aside', fields);
        }
    }
}
//# sourceMappingURL=MetricsFile.js.map