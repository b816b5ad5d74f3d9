import { z } from 'zod';
import { type InstanceAddress } from './utils/instanceUrls.js';
/** Every variable that the server reads. The documents are held against its keys by a test. */
export declare const environmentSchema: z.ZodObject<{
    PORT: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    HOST: z.ZodDefault<z.ZodString>;
    LOG_LEVEL: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodEnum<{
        error: "error";
        warn: "warn";
        info: "info";
        debug: "debug";
    }>>>;
    LOG_DIR: z.ZodDefault<z.ZodString>;
    COMFYUI_HOST: z.ZodDefault<z.ZodString>;
    COMFYUI_USE_SSL: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<boolean, string>>>;
    COMFYUI_KEEP_HISTORY: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<boolean, string>>>;
    COMFYUI_AUTH_HEADER: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<{
        name: string;
        value: string;
    }, string>>>;
    OUTPUT_FILES: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<boolean, string>>>;
    OUTPUT_DIR: z.ZodDefault<z.ZodString>;
    MAX_CONNECTIONS_PER_INSTANCE: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_CONCURRENT_JOBS: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_JOBS_PER_INSTANCE: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_QUEUE_SIZE: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_QUEUE_MEMORY: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_RESULT_MEMORY: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_FILE_SIZE: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_IMAGE_PIXELS: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_OUTPUT_PIXELS: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_RESULT_SIZE: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_UPLOAD_MEMORY: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    UPLOAD_TIMEOUT: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MIN_TRANSFER_RATE: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    MAX_OPEN_REQUESTS_PER_CLIENT: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    ALLOWED_IMAGE_TYPES: z.ZodDefault<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<string[], string>>, z.ZodArray<z.ZodEnum<{
        "image/png": "image/png";
        "image/jpeg": "image/jpeg";
        "image/webp": "image/webp";
    }>>>>;
    JOB_TIMEOUT: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    SYNC_TIMEOUT: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    JOB_MAX_ATTEMPTS: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    JOB_CLEANUP_INTERVAL: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    JOB_PROCESSING_INTERVAL: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    HEALTH_CHECK_INTERVAL: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    HEALTH_CHECK_TIMEOUT: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    BREAKER_FAILURE_THRESHOLD: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    BREAKER_RESET_TIMEOUT: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    BREAKER_MAX_RESET_TIMEOUT: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    SHUTDOWN_TIMEOUT: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    API_KEYS: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<import("./utils/apiKeys.js").ApiKey[], string>>>;
    CORS_ORIGINS: z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<NonNullable<string[] | "*">, string>>>;
    RATE_LIMIT_PER_MINUTE: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    TRUST_PROXY: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<NonNullable<number | false | string[]>, string>>>;
    WEBHOOK_SECRET: z.ZodOptional<z.ZodString>;
    WEBHOOK_ALLOWED_HOSTS: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<string[], string>>>;
    METRICS_FILE_PATH: z.ZodDefault<z.ZodString>;
    METRICS_SAVE_INTERVAL: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
}, z.core.$strip>;
type Environment = z.output<typeof environmentSchema>;
/** The server's whole configuration; sizes in bytes, times in milliseconds. */
export type Config = Readonly<Environment & {
    INSTANCES: readonly InstanceAddress[];
}>;
/** A start that cannot go on: its message names every bad variable, what it was and what it takes. */
export declare class ConfigError extends Error {
    name: string;
}
/**
 * Reads the configuration from environment variables. An empty variable counts as not set, but for `LOG_DIR`,
 * where it means "no files".
 * @throws ConfigError that names all bad variables at once
 */
export declare function loadConfig(env: Readonly<Record<string, string | undefined>>): Config;
export {};
