import { z } from 'zod';
/** Whether to wait for the result; known to the routes that can do either. */
export declare const asyncParameters: z.ZodObject<{
    async: z.ZodDefault<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodEnum<{
        false: "false";
        true: "true";
    }>>, z.ZodTransform<boolean, "false" | "true">>>;
    mode: z.ZodDefault<z.ZodEnum<{
        async: "async";
        sync: "sync";
    }>>;
}, z.core.$strip>;
/** Whom to tell of a job's end. */
export declare const webhookParameters: z.ZodObject<{
    webhook_url: z.ZodOptional<z.ZodString>;
    webhook_events: z.ZodDefault<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodTransform<string[], string>>, z.ZodArray<z.ZodEnum<{
        completed: "completed";
        failed: "failed";
        cancelled: "cancelled";
    }>>>>;
    webhook_image: z.ZodDefault<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodEnum<{
        false: "false";
        true: "true";
    }>>, z.ZodTransform<boolean, "false" | "true">>>;
}, z.core.$strip>;
