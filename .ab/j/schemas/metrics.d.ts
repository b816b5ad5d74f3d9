import { z } from 'zod';
/** `GET /status/metrics`. */
export declare const statusMetricsAnswer: z.ZodObject<{
    timestamp: z.ZodISODateTime;
    jobs: z.ZodObject<{
        total_processed: z.ZodInt;
        success_rate: z.ZodNullable<z.ZodNumber>;
        jobs_per_hour: z.ZodNumber;
        active_jobs: z.ZodInt;
        pending_jobs: z.ZodInt;
    }, z.core.$strip>;
    performance: z.ZodObject<{
        average_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        p95_processing_time_ms: z.ZodNullable<z.ZodNumber>;
        fastest_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        slowest_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
    }, z.core.$strip>;
    instances: z.ZodObject<{
        total: z.ZodInt;
        healthy: z.ZodInt;
        utilization_percentage: z.ZodNumber;
    }, z.core.$strip>;
    uptime: z.ZodObject<{
        total_hours: z.ZodNumber;
        last_restart: z.ZodISODateTime;
    }, z.core.$strip>;
}, z.core.$strip>;
/** `GET /api/metrics`. */
export declare const metricsAnswer: z.ZodObject<{
    timestamp: z.ZodISODateTime;
    uptime: z.ZodObject<{
        total_uptime_hours: z.ZodNumber;
        start_time: z.ZodISODateTime;
    }, z.core.$strip>;
    jobs: z.ZodObject<{
        total_processed: z.ZodInt;
        success_rate: z.ZodNullable<z.ZodNumber>;
        failure_rate: z.ZodNullable<z.ZodNumber>;
        active_jobs: z.ZodInt;
        pending_jobs: z.ZodInt;
        completed_jobs: z.ZodInt;
        failed_jobs: z.ZodInt;
        cancelled_jobs: z.ZodInt;
        by_type: z.ZodRecord<z.ZodString, z.ZodObject<{
            total: z.ZodInt;
            success_rate: z.ZodNullable<z.ZodNumber>;
            average_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        }, z.core.$strip>>;
    }, z.core.$strip>;
    performance: z.ZodObject<{
        average_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        p50_processing_time_ms: z.ZodNullable<z.ZodNumber>;
        p95_processing_time_ms: z.ZodNullable<z.ZodNumber>;
        p99_processing_time_ms: z.ZodNullable<z.ZodNumber>;
        queue_wait: z.ZodObject<{
            average_ms: z.ZodNullable<z.ZodNumber>;
            p95_ms: z.ZodNullable<z.ZodNumber>;
        }, z.core.$strip>;
        throughput: z.ZodObject<{
            jobs_per_hour: z.ZodNumber;
            jobs_per_minute: z.ZodNumber;
        }, z.core.$strip>;
    }, z.core.$strip>;
    instances: z.ZodObject<{
        total: z.ZodInt;
        healthy: z.ZodInt;
        unhealthy: z.ZodInt;
        details: z.ZodRecord<z.ZodString, z.ZodObject<{
            status: z.ZodEnum<{
                healthy: "healthy";
                unhealthy: "unhealthy";
            }>;
            jobs_processed: z.ZodInt;
            success_rate: z.ZodNullable<z.ZodNumber>;
            average_response_time_ms: z.ZodNullable<z.ZodNumber>;
            current_load: z.ZodInt;
            max_load: z.ZodInt;
        }, z.core.$strip>>;
    }, z.core.$strip>;
    errors: z.ZodObject<{
        total_errors: z.ZodInt;
        error_rate: z.ZodNullable<z.ZodNumber>;
        by_type: z.ZodRecord<z.ZodString, z.ZodInt>;
        recent_errors: z.ZodArray<z.ZodObject<{
            timestamp: z.ZodISODateTime;
            type: z.ZodString;
            instance: z.ZodNullable<z.ZodString>;
            job_id: z.ZodString;
            job_type: z.ZodString;
            message: z.ZodString;
        }, z.core.$strip>>;
    }, z.core.$strip>;
}, z.core.$strip>;
/** `GET /api/metrics/performance`. */
export declare const performanceAnswer: z.ZodObject<{
    timestamp: z.ZodISODateTime;
    processing_times: z.ZodObject<{
        average_seconds: z.ZodNullable<z.ZodNumber>;
        median_seconds: z.ZodNullable<z.ZodNumber>;
        p95_milliseconds: z.ZodNullable<z.ZodNumber>;
        p99_milliseconds: z.ZodNullable<z.ZodNumber>;
        fastest_seconds: z.ZodNullable<z.ZodNumber>;
        slowest_seconds: z.ZodNullable<z.ZodNumber>;
    }, z.core.$strip>;
    throughput: z.ZodObject<{
        jobs_per_hour: z.ZodNumber;
        jobs_per_minute: z.ZodNumber;
        jobs_per_second: z.ZodNumber;
    }, z.core.$strip>;
    by_job_type: z.ZodRecord<z.ZodString, z.ZodObject<{
        average_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        p95_processing_time_ms: z.ZodNullable<z.ZodNumber>;
        throughput_per_hour: z.ZodNumber;
    }, z.core.$strip>>;
    trends: z.ZodObject<{
        last_hour: z.ZodObject<{
            jobs_completed: z.ZodInt;
            average_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        }, z.core.$strip>;
        last_24_hours: z.ZodObject<{
            jobs_completed: z.ZodInt;
            average_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        }, z.core.$strip>;
    }, z.core.$strip>;
}, z.core.$strip>;
/** `GET /api/metrics/errors`. */
export declare const errorMetricsAnswer: z.ZodObject<{
    timestamp: z.ZodISODateTime;
    summary: z.ZodObject<{
        total_errors: z.ZodInt;
        error_rate: z.ZodNullable<z.ZodNumber>;
        errors_last_hour: z.ZodInt;
        errors_last_24_hours: z.ZodInt;
    }, z.core.$strip>;
    by_type: z.ZodRecord<z.ZodString, z.ZodObject<{
        count: z.ZodInt;
        percentage: z.ZodNumber;
        last_occurrence: z.ZodNullable<z.ZodISODateTime>;
    }, z.core.$strip>>;
    by_instance: z.ZodRecord<z.ZodString, z.ZodObject<{
        error_count: z.ZodInt;
        error_rate: z.ZodNullable<z.ZodNumber>;
        most_common_error: z.ZodNullable<z.ZodString>;
    }, z.core.$strip>>;
    recent_errors: z.ZodArray<z.ZodObject<{
        timestamp: z.ZodISODateTime;
        type: z.ZodString;
        instance: z.ZodNullable<z.ZodString>;
        job_id: z.ZodString;
        job_type: z.ZodString;
        message: z.ZodString;
    }, z.core.$strip>>;
}, z.core.$strip>;
/** `GET /api/metrics/instances`. */
export declare const instancesMetricsAnswer: z.ZodObject<{
    timestamp: z.ZodISODateTime;
    summary: z.ZodObject<{
        total: z.ZodInt;
        healthy: z.ZodInt;
        unhealthy: z.ZodInt;
        jobs_processed: z.ZodInt;
        success_rate: z.ZodNullable<z.ZodNumber>;
        current_load: z.ZodInt;
        max_load: z.ZodInt;
        utilization_percentage: z.ZodNumber;
    }, z.core.$strip>;
    instances: z.ZodArray<z.ZodObject<{
        id: z.ZodString;
        host: z.ZodString;
        status: z.ZodEnum<{
            healthy: "healthy";
            unhealthy: "unhealthy";
        }>;
        last_health_check: z.ZodNullable<z.ZodISODateTime>;
        response_time_ms: z.ZodNullable<z.ZodNumber>;
        jobs_processed: z.ZodInt;
        success_rate: z.ZodNullable<z.ZodNumber>;
        error_rate: z.ZodNullable<z.ZodNumber>;
        current_load: z.ZodInt;
        max_load: z.ZodInt;
        utilization_percentage: z.ZodNumber;
        average_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        fastest_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        slowest_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
        job_types: z.ZodRecord<z.ZodString, z.ZodInt>;
    }, z.core.$strip>>;
}, z.core.$strip>;
/** `GET /api/metrics/instances/:host`. */
export declare const instanceMetricsAnswer: z.ZodObject<{
    id: z.ZodString;
    host: z.ZodString;
    status: z.ZodEnum<{
        healthy: "healthy";
        unhealthy: "unhealthy";
    }>;
    last_health_check: z.ZodNullable<z.ZodISODateTime>;
    response_time_ms: z.ZodNullable<z.ZodNumber>;
    jobs_processed: z.ZodInt;
    success_rate: z.ZodNullable<z.ZodNumber>;
    error_rate: z.ZodNullable<z.ZodNumber>;
    current_load: z.ZodInt;
    max_load: z.ZodInt;
    utilization_percentage: z.ZodNumber;
    average_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
    fastest_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
    slowest_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
    job_types: z.ZodRecord<z.ZodString, z.ZodInt>;
    timestamp: z.ZodISODateTime;
}, z.core.$strip>;
/** `POST /api/metrics/save`. */
export declare const metricsSavedAnswer: z.ZodObject<{
    message: z.ZodString;
    timestamp: z.ZodISODateTime;
    file_path: z.ZodString;
    file_size_bytes: z.ZodInt;
}, z.core.$strip>;
/** `GET /api/metrics/persistence`. */
export declare const persistenceAnswer: z.ZodObject<{
    enabled: z.ZodBoolean;
    file_path: z.ZodString;
    save_interval_ms: z.ZodInt;
    last_save: z.ZodNullable<z.ZodISODateTime>;
    next_save: z.ZodNullable<z.ZodISODateTime>;
    file_size_bytes: z.ZodNullable<z.ZodInt>;
    auto_save_enabled: z.ZodBoolean;
    last_error: z.ZodNullable<z.ZodString>;
}, z.core.$strip>;
/** `GET /api/circuit-breakers`. */
export declare const circuitBreakersAnswer: z.ZodObject<{
    timestamp: z.ZodISODateTime;
    circuit_breakers: z.ZodRecord<z.ZodString, z.ZodObject<{
        name: z.ZodString;
        host: z.ZodString;
        state: z.ZodEnum<{
            CLOSED: "CLOSED";
            OPEN: "OPEN";
            HALF_OPEN: "HALF_OPEN";
        }>;
        failure_count: z.ZodInt;
        failure_threshold: z.ZodInt;
        reset_timeout_ms: z.ZodInt;
        last_failure_time: z.ZodNullable<z.ZodISODateTime>;
        next_attempt_time: z.ZodNullable<z.ZodISODateTime>;
        success_count: z.ZodInt;
        total_requests: z.ZodInt;
        error_rate: z.ZodNumber;
        forced: z.ZodBoolean;
    }, z.core.$strip>>;
}, z.core.$strip>;
/** `POST /api/circuit-breakers/:name/open` and `/close`. */
export declare const circuitBreakerChangedAnswer: z.ZodObject<{
    message: z.ZodString;
    circuit_breaker: z.ZodObject<{
        name: z.ZodString;
        host: z.ZodString;
        state: z.ZodEnum<{
            CLOSED: "CLOSED";
            OPEN: "OPEN";
            HALF_OPEN: "HALF_OPEN";
        }>;
        failure_count: z.ZodInt;
        failure_threshold: z.ZodInt;
        reset_timeout_ms: z.ZodInt;
        last_failure_time: z.ZodNullable<z.ZodISODateTime>;
        next_attempt_time: z.ZodNullable<z.ZodISODateTime>;
        success_count: z.ZodInt;
        total_requests: z.ZodInt;
        error_rate: z.ZodNumber;
        forced: z.ZodBoolean;
    }, z.core.$strip>;
}, z.core.$strip>;
/** `GET /api/metrics/history`: the last hour by the minute, oldest first. */
export declare const historyAnswer: z.ZodObject<{
    timestamp: z.ZodISODateTime;
    minutes: z.ZodArray<z.ZodObject<{
        time: z.ZodISODateTime;
        completed: z.ZodInt;
        failed: z.ZodInt;
        average_processing_time_seconds: z.ZodNullable<z.ZodNumber>;
    }, z.core.$strip>>;
}, z.core.$strip>;
