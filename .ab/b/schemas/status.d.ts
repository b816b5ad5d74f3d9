import { z } from 'zod';
/** `GET /health`. */
export declare const healthAnswer: z.ZodObject<{
    status: z.ZodEnum<{
        healthy: "healthy";
        degraded: "degraded";
        critical: "critical";
    }>;
    timestamp: z.ZodISODateTime;
    issues: z.ZodArray<z.ZodString>;
    uptime: z.ZodObject<{
        total_uptime_hours: z.ZodNumber;
        process_uptime_seconds: z.ZodNumber;
        started_at: z.ZodISODateTime;
    }, z.core.$strip>;
    comfyui_instances: z.ZodObject<{
        total: z.ZodInt;
        healthy: z.ZodInt;
        unhealthy: z.ZodInt;
        instances: z.ZodArray<z.ZodObject<{
            id: z.ZodString;
            host: z.ZodString;
            status: z.ZodEnum<{
                healthy: "healthy";
                unhealthy: "unhealthy";
            }>;
            last_check: z.ZodNullable<z.ZodISODateTime>;
            response_time_ms: z.ZodNullable<z.ZodNumber>;
            active_jobs: z.ZodInt;
            circuit_breaker: z.ZodObject<{
                state: z.ZodEnum<{
                    CLOSED: "CLOSED";
                    OPEN: "OPEN";
                    HALF_OPEN: "HALF_OPEN";
                }>;
                failures: z.ZodInt;
                error_rate: z.ZodNumber;
            }, z.core.$strip>;
            missing_nodes: z.ZodOptional<z.ZodArray<z.ZodString>>;
        }, z.core.$strip>>;
    }, z.core.$strip>;
    job_processing: z.ZodObject<{
        processor_running: z.ZodBoolean;
        active_jobs: z.ZodInt;
        pending_jobs: z.ZodInt;
        total_jobs: z.ZodInt;
        max_concurrent_jobs: z.ZodInt;
    }, z.core.$strip>;
    connections: z.ZodRecord<z.ZodString, z.ZodObject<{
        total: z.ZodInt;
        connected: z.ZodInt;
        in_use: z.ZodInt;
    }, z.core.$strip>>;
    performance: z.ZodObject<{
        total_jobs_processed: z.ZodInt;
        success_rate: z.ZodNullable<z.ZodString>;
        average_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        jobs_processed_last_hour: z.ZodInt;
    }, z.core.$strip>;
    memory: z.ZodObject<{
        used_mb: z.ZodNumber;
        rss_mb: z.ZodNumber;
        usage_percentage: z.ZodNumber;
    }, z.core.$strip>;
}, z.core.$strip>;
/** `GET /status`. */
export declare const statusAnswer: z.ZodObject<{
    status: z.ZodEnum<{
        healthy: "healthy";
        degraded: "degraded";
        critical: "critical";
    }>;
    healthy_instances: z.ZodInt;
    total_instances: z.ZodInt;
    active_jobs: z.ZodInt;
    pending_jobs: z.ZodInt;
    uptime_hours: z.ZodNumber;
    processor_running: z.ZodBoolean;
    timestamp: z.ZodISODateTime;
}, z.core.$strip>;
