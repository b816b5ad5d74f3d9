import { z } from 'zod';
/** `GET /api/workflows`. */
export declare const workflowsAnswer: z.ZodObject<{
    workflows: z.ZodArray<z.ZodObject<{
        type: z.ZodString;
        title: z.ZodString;
        description: z.ZodString;
        url: z.ZodString;
        async_url: z.ZodString;
        estimated_seconds: z.ZodNumber;
        formats: z.ZodArray<z.ZodEnum<{
            PNG: "PNG";
            JPEG: "JPEG";
            WEBP: "WEBP";
        }>>;
        parameters: z.ZodObject<{
            type: z.ZodLiteral<"object">;
        }, z.core.$loose>;
        requires: z.ZodObject<{
            nodes: z.ZodArray<z.ZodString>;
            models: z.ZodArray<z.ZodObject<{
                node: z.ZodString;
                input: z.ZodString;
                model: z.ZodString;
            }, z.core.$strip>>;
        }, z.core.$strip>;
        instances: z.ZodArray<z.ZodObject<{
            host: z.ZodString;
            can_run: z.ZodBoolean;
            missing: z.ZodArray<z.ZodString>;
        }, z.core.$strip>>;
    }, z.core.$strip>>;
}, z.core.$strip>;
