import { z } from 'zod';
/** The result of a job, in a synchronous answer and under `/result`. */
export declare const result: z.ZodObject<{
    image_base64: z.ZodString;
    prompt_id: z.ZodString;
    processing_time_seconds: z.ZodNumber;
    format: z.ZodEnum<{
        PNG: "PNG";
        JPEG: "JPEG";
        WEBP: "WEBP";
    }>;
    width: z.ZodInt;
    height: z.ZodInt;
    size_bytes: z.ZodInt;
    upscale_factor: z.ZodOptional<z.ZodString>;
}, z.core.$loose>;
/** 200 of a synchronous request. */
export declare const syncAnswer: z.ZodObject<{
    success: z.ZodLiteral<true>;
    message: z.ZodString;
    job_id: z.ZodUUID;
    result: z.ZodObject<{
        image_base64: z.ZodString;
        prompt_id: z.ZodString;
        processing_time_seconds: z.ZodNumber;
        format: z.ZodEnum<{
            PNG: "PNG";
            JPEG: "JPEG";
            WEBP: "WEBP";
        }>;
        width: z.ZodInt;
        height: z.ZodInt;
        size_bytes: z.ZodInt;
        upscale_factor: z.ZodOptional<z.ZodString>;
    }, z.core.$loose>;
    comfyui_instance: z.ZodString;
}, z.core.$strip>;
/** 202 of an asynchronous request. A repeated one may be about a job that is not pending any more. */
export declare const asyncAnswer: z.ZodObject<{
    job_id: z.ZodUUID;
    status: z.ZodEnum<{
        completed: "completed";
        pending: "pending";
        failed: "failed";
        cancelled: "cancelled";
        processing: "processing";
    }>;
    message: z.ZodString;
    estimated_completion_time: z.ZodISODateTime;
    estimated_completion_time_seconds: z.ZodNumber;
    queue_position: z.ZodInt;
    status_url: z.ZodString;
    result_url: z.ZodString;
    events_url: z.ZodString;
    cancel_url: z.ZodString;
}, z.core.$strip>;
/** A job's status, by its state. */
export declare const jobStatusAnswer: z.ZodDiscriminatedUnion<[z.ZodObject<{
    job_id: z.ZodUUID;
    type: z.ZodString;
    created_time: z.ZodISODateTime;
    updated_time: z.ZodISODateTime;
    processing_time_seconds: z.ZodNumber;
    comfyui_instance: z.ZodNullable<z.ZodString>;
    message: z.ZodString;
    progress_percentage: z.ZodNumber;
    attempts: z.ZodInt;
    status: z.ZodLiteral<"pending">;
    queue_position: z.ZodInt;
    estimated_completion_time_seconds: z.ZodNumber;
}, z.core.$strip>, z.ZodObject<{
    job_id: z.ZodUUID;
    type: z.ZodString;
    created_time: z.ZodISODateTime;
    updated_time: z.ZodISODateTime;
    processing_time_seconds: z.ZodNumber;
    comfyui_instance: z.ZodNullable<z.ZodString>;
    message: z.ZodString;
    progress_percentage: z.ZodNumber;
    attempts: z.ZodInt;
    status: z.ZodLiteral<"processing">;
    prompt_id: z.ZodOptional<z.ZodString>;
    estimated_remaining_time_seconds: z.ZodNumber;
    current_node: z.ZodOptional<z.ZodString>;
}, z.core.$strip>, z.ZodObject<{
    job_id: z.ZodUUID;
    type: z.ZodString;
    created_time: z.ZodISODateTime;
    updated_time: z.ZodISODateTime;
    processing_time_seconds: z.ZodNumber;
    comfyui_instance: z.ZodNullable<z.ZodString>;
    message: z.ZodString;
    progress_percentage: z.ZodNumber;
    attempts: z.ZodInt;
    status: z.ZodLiteral<"completed">;
    completed_time: z.ZodISODateTime;
    result_url: z.ZodString;
}, z.core.$strip>, z.ZodObject<{
    job_id: z.ZodUUID;
    type: z.ZodString;
    created_time: z.ZodISODateTime;
    updated_time: z.ZodISODateTime;
    processing_time_seconds: z.ZodNumber;
    comfyui_instance: z.ZodNullable<z.ZodString>;
    message: z.ZodString;
    progress_percentage: z.ZodNumber;
    attempts: z.ZodInt;
    status: z.ZodLiteral<"failed">;
    failed_time: z.ZodISODateTime;
    error: z.ZodString;
    error_code: z.ZodEnum<{
        JOB_TIMEOUT: "JOB_TIMEOUT";
        SYNC_TIMEOUT: "SYNC_TIMEOUT";
        NO_IMAGE: "NO_IMAGE";
        INVALID_PARAMETER: "INVALID_PARAMETER";
        INVALID_IMAGE: "INVALID_IMAGE";
        MALFORMED_UPLOAD: "MALFORMED_UPLOAD";
        TOO_MANY_FILES: "TOO_MANY_FILES";
        UNAUTHORIZED: "UNAUTHORIZED";
        FORBIDDEN: "FORBIDDEN";
        JOB_NOT_FOUND: "JOB_NOT_FOUND";
        INSTANCE_NOT_FOUND: "INSTANCE_NOT_FOUND";
        BREAKER_NOT_FOUND: "BREAKER_NOT_FOUND";
        NOT_FOUND: "NOT_FOUND";
        METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED";
        REQUEST_TIMEOUT: "REQUEST_TIMEOUT";
        JOB_NOT_COMPLETED: "JOB_NOT_COMPLETED";
        JOB_ALREADY_FINISHED: "JOB_ALREADY_FINISHED";
        RESULT_EXPIRED: "RESULT_EXPIRED";
        FILE_TOO_LARGE: "FILE_TOO_LARGE";
        IMAGE_TOO_LARGE: "IMAGE_TOO_LARGE";
        URI_TOO_LONG: "URI_TOO_LONG";
        UNSUPPORTED_IMAGE_TYPE: "UNSUPPORTED_IMAGE_TYPE";
        IDEMPOTENCY_KEY_REUSED: "IDEMPOTENCY_KEY_REUSED";
        RATE_LIMITED: "RATE_LIMITED";
        HEADERS_TOO_LARGE: "HEADERS_TOO_LARGE";
        INTERNAL_ERROR: "INTERNAL_ERROR";
        WORKFLOW_FAILED: "WORKFLOW_FAILED";
        WORKFLOW_INVALID: "WORKFLOW_INVALID";
        QUEUE_FULL: "QUEUE_FULL";
        NO_HEALTHY_INSTANCES: "NO_HEALTHY_INSTANCES";
        SHUTTING_DOWN: "SHUTTING_DOWN";
    }>;
    error_details: z.ZodOptional<z.ZodUnion<readonly [z.ZodString, z.ZodRecord<z.ZodString, z.ZodUnknown>]>>;
}, z.core.$strip>, z.ZodObject<{
    job_id: z.ZodUUID;
    type: z.ZodString;
    created_time: z.ZodISODateTime;
    updated_time: z.ZodISODateTime;
    processing_time_seconds: z.ZodNumber;
    comfyui_instance: z.ZodNullable<z.ZodString>;
    message: z.ZodString;
    progress_percentage: z.ZodNumber;
    attempts: z.ZodInt;
    status: z.ZodLiteral<"cancelled">;
    cancelled_time: z.ZodISODateTime;
}, z.core.$strip>], "status">;
/** 200 of `GET /api/jobs/:id/result`. */
export declare const jobResultAnswer: z.ZodObject<{
    job_id: z.ZodUUID;
    status: z.ZodLiteral<"completed">;
    type: z.ZodString;
    completed_time: z.ZodISODateTime;
    processing_time_seconds: z.ZodNumber;
    result: z.ZodObject<{
        image_base64: z.ZodString;
        prompt_id: z.ZodString;
        processing_time_seconds: z.ZodNumber;
        format: z.ZodEnum<{
            PNG: "PNG";
            JPEG: "JPEG";
            WEBP: "WEBP";
        }>;
        width: z.ZodInt;
        height: z.ZodInt;
        size_bytes: z.ZodInt;
        upscale_factor: z.ZodOptional<z.ZodString>;
    }, z.core.$loose>;
}, z.core.$strip>;
/** A job as lists and `/info` show it; times in epoch ms, sizes in bytes, no image data. */
export declare const jobRecord: z.ZodObject<{
    id: z.ZodUUID;
    type: z.ZodString;
    status: z.ZodEnum<{
        completed: "completed";
        pending: "pending";
        failed: "failed";
        cancelled: "cancelled";
        processing: "processing";
    }>;
    createdTime: z.ZodInt;
    updatedTime: z.ZodInt;
    processingStartTime: z.ZodOptional<z.ZodInt>;
    completedTime: z.ZodOptional<z.ZodInt>;
    failedTime: z.ZodOptional<z.ZodInt>;
    cancelledTime: z.ZodOptional<z.ZodInt>;
    processingDuration: z.ZodOptional<z.ZodNumber>;
    comfyuiInstance: z.ZodNullable<z.ZodString>;
    promptId: z.ZodOptional<z.ZodString>;
    attempts: z.ZodInt;
    requestId: z.ZodString;
    data: z.ZodObject<{
        imageSize: z.ZodInt;
        mimeType: z.ZodString;
        originalFilename: z.ZodString;
        width: z.ZodInt;
        height: z.ZodInt;
        format: z.ZodEnum<{
            PNG: "PNG";
            JPEG: "JPEG";
            WEBP: "WEBP";
        }>;
    }, z.core.$loose>;
    result: z.ZodOptional<z.ZodObject<{
        promptId: z.ZodString;
        mimeType: z.ZodString;
        sizeBytes: z.ZodInt;
        width: z.ZodInt;
        height: z.ZodInt;
    }, z.core.$strip>>;
    webhook: z.ZodOptional<z.ZodObject<{
        url: z.ZodString;
        events: z.ZodArray<z.ZodEnum<{
            completed: "completed";
            pending: "pending";
            failed: "failed";
            cancelled: "cancelled";
            processing: "processing";
        }>>;
        state: z.ZodEnum<{
            delivering: "delivering";
            delivered: "delivered";
            given_up: "given_up";
            waiting: "waiting";
            not_asked_for: "not_asked_for";
        }>;
        attempts: z.ZodArray<z.ZodObject<{
            time: z.ZodInt;
            status: z.ZodOptional<z.ZodInt>;
            error: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>>;
        nextAttemptTime: z.ZodOptional<z.ZodInt>;
    }, z.core.$strip>>;
    error: z.ZodOptional<z.ZodString>;
    errorCode: z.ZodOptional<z.ZodEnum<{
        JOB_TIMEOUT: "JOB_TIMEOUT";
        SYNC_TIMEOUT: "SYNC_TIMEOUT";
        NO_IMAGE: "NO_IMAGE";
        INVALID_PARAMETER: "INVALID_PARAMETER";
        INVALID_IMAGE: "INVALID_IMAGE";
        MALFORMED_UPLOAD: "MALFORMED_UPLOAD";
        TOO_MANY_FILES: "TOO_MANY_FILES";
        UNAUTHORIZED: "UNAUTHORIZED";
        FORBIDDEN: "FORBIDDEN";
        JOB_NOT_FOUND: "JOB_NOT_FOUND";
        INSTANCE_NOT_FOUND: "INSTANCE_NOT_FOUND";
        BREAKER_NOT_FOUND: "BREAKER_NOT_FOUND";
        NOT_FOUND: "NOT_FOUND";
        METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED";
        REQUEST_TIMEOUT: "REQUEST_TIMEOUT";
        JOB_NOT_COMPLETED: "JOB_NOT_COMPLETED";
        JOB_ALREADY_FINISHED: "JOB_ALREADY_FINISHED";
        RESULT_EXPIRED: "RESULT_EXPIRED";
        FILE_TOO_LARGE: "FILE_TOO_LARGE";
        IMAGE_TOO_LARGE: "IMAGE_TOO_LARGE";
        URI_TOO_LONG: "URI_TOO_LONG";
        UNSUPPORTED_IMAGE_TYPE: "UNSUPPORTED_IMAGE_TYPE";
        IDEMPOTENCY_KEY_REUSED: "IDEMPOTENCY_KEY_REUSED";
        RATE_LIMITED: "RATE_LIMITED";
        HEADERS_TOO_LARGE: "HEADERS_TOO_LARGE";
        INTERNAL_ERROR: "INTERNAL_ERROR";
        WORKFLOW_FAILED: "WORKFLOW_FAILED";
        WORKFLOW_INVALID: "WORKFLOW_INVALID";
        QUEUE_FULL: "QUEUE_FULL";
        NO_HEALTHY_INSTANCES: "NO_HEALTHY_INSTANCES";
        SHUTTING_DOWN: "SHUTTING_DOWN";
    }>>;
}, z.core.$strip>;
export declare const jobListAnswer: z.ZodObject<{
    jobs: z.ZodArray<z.ZodObject<{
        id: z.ZodUUID;
        type: z.ZodString;
        status: z.ZodEnum<{
            completed: "completed";
            pending: "pending";
            failed: "failed";
            cancelled: "cancelled";
            processing: "processing";
        }>;
        createdTime: z.ZodInt;
        updatedTime: z.ZodInt;
        processingStartTime: z.ZodOptional<z.ZodInt>;
        completedTime: z.ZodOptional<z.ZodInt>;
        failedTime: z.ZodOptional<z.ZodInt>;
        cancelledTime: z.ZodOptional<z.ZodInt>;
        processingDuration: z.ZodOptional<z.ZodNumber>;
        comfyuiInstance: z.ZodNullable<z.ZodString>;
        promptId: z.ZodOptional<z.ZodString>;
        attempts: z.ZodInt;
        requestId: z.ZodString;
        data: z.ZodObject<{
            imageSize: z.ZodInt;
            mimeType: z.ZodString;
            originalFilename: z.ZodString;
            width: z.ZodInt;
            height: z.ZodInt;
            format: z.ZodEnum<{
                PNG: "PNG";
                JPEG: "JPEG";
                WEBP: "WEBP";
            }>;
        }, z.core.$loose>;
        result: z.ZodOptional<z.ZodObject<{
            promptId: z.ZodString;
            mimeType: z.ZodString;
            sizeBytes: z.ZodInt;
            width: z.ZodInt;
            height: z.ZodInt;
        }, z.core.$strip>>;
        webhook: z.ZodOptional<z.ZodObject<{
            url: z.ZodString;
            events: z.ZodArray<z.ZodEnum<{
                completed: "completed";
                pending: "pending";
                failed: "failed";
                cancelled: "cancelled";
                processing: "processing";
            }>>;
            state: z.ZodEnum<{
                delivering: "delivering";
                delivered: "delivered";
                given_up: "given_up";
                waiting: "waiting";
                not_asked_for: "not_asked_for";
            }>;
            attempts: z.ZodArray<z.ZodObject<{
                time: z.ZodInt;
                status: z.ZodOptional<z.ZodInt>;
                error: z.ZodOptional<z.ZodString>;
            }, z.core.$strip>>;
            nextAttemptTime: z.ZodOptional<z.ZodInt>;
        }, z.core.$strip>>;
        error: z.ZodOptional<z.ZodString>;
        errorCode: z.ZodOptional<z.ZodEnum<{
            JOB_TIMEOUT: "JOB_TIMEOUT";
            SYNC_TIMEOUT: "SYNC_TIMEOUT";
            NO_IMAGE: "NO_IMAGE";
            INVALID_PARAMETER: "INVALID_PARAMETER";
            INVALID_IMAGE: "INVALID_IMAGE";
            MALFORMED_UPLOAD: "MALFORMED_UPLOAD";
            TOO_MANY_FILES: "TOO_MANY_FILES";
            UNAUTHORIZED: "UNAUTHORIZED";
            FORBIDDEN: "FORBIDDEN";
            JOB_NOT_FOUND: "JOB_NOT_FOUND";
            INSTANCE_NOT_FOUND: "INSTANCE_NOT_FOUND";
            BREAKER_NOT_FOUND: "BREAKER_NOT_FOUND";
            NOT_FOUND: "NOT_FOUND";
            METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED";
            REQUEST_TIMEOUT: "REQUEST_TIMEOUT";
            JOB_NOT_COMPLETED: "JOB_NOT_COMPLETED";
            JOB_ALREADY_FINISHED: "JOB_ALREADY_FINISHED";
            RESULT_EXPIRED: "RESULT_EXPIRED";
            FILE_TOO_LARGE: "FILE_TOO_LARGE";
            IMAGE_TOO_LARGE: "IMAGE_TOO_LARGE";
            URI_TOO_LONG: "URI_TOO_LONG";
            UNSUPPORTED_IMAGE_TYPE: "UNSUPPORTED_IMAGE_TYPE";
            IDEMPOTENCY_KEY_REUSED: "IDEMPOTENCY_KEY_REUSED";
            RATE_LIMITED: "RATE_LIMITED";
            HEADERS_TOO_LARGE: "HEADERS_TOO_LARGE";
            INTERNAL_ERROR: "INTERNAL_ERROR";
            WORKFLOW_FAILED: "WORKFLOW_FAILED";
            WORKFLOW_INVALID: "WORKFLOW_INVALID";
            QUEUE_FULL: "QUEUE_FULL";
            NO_HEALTHY_INSTANCES: "NO_HEALTHY_INSTANCES";
            SHUTTING_DOWN: "SHUTTING_DOWN";
        }>>;
    }, z.core.$strip>>;
    total: z.ZodInt;
    limit: z.ZodInt;
    offset: z.ZodInt;
}, z.core.$strip>;
/** Query of `GET /api/jobs/list`. */
export declare const jobListQuery: z.ZodObject<{
    status: z.ZodOptional<z.ZodEnum<{
        completed: "completed";
        pending: "pending";
        failed: "failed";
        cancelled: "cancelled";
        processing: "processing";
    }>>;
    type: z.ZodOptional<z.ZodString>;
    instance: z.ZodOptional<z.ZodString>;
    limit: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
    offset: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
}, z.core.$strip>;
export declare const deletedAnswer: z.ZodObject<{
    message: z.ZodString;
    job_id: z.ZodString;
}, z.core.$strip>;
export declare const cleanupAnswer: z.ZodObject<{
    message: z.ZodString;
    cleanedCount: z.ZodInt;
}, z.core.$strip>;
export declare const jobStatsAnswer: z.ZodObject<{
    total: z.ZodInt;
    byStatus: z.ZodObject<{
        pending: z.ZodInt;
        processing: z.ZodInt;
        completed: z.ZodInt;
        failed: z.ZodInt;
        cancelled: z.ZodInt;
    }, z.core.$strip>;
    byType: z.ZodRecord<z.ZodString, z.ZodInt>;
    byInstance: z.ZodRecord<z.ZodString, z.ZodInt>;
}, z.core.$strip>;
export declare const processorStatsAnswer: z.ZodObject<{
    isRunning: z.ZodBoolean;
    activeJobs: z.ZodInt;
    pendingJobs: z.ZodInt;
    maxConcurrentJobs: z.ZodInt;
    maxJobsPerInstance: z.ZodInt;
    processingInterval: z.ZodInt;
    instanceJobCounts: z.ZodRecord<z.ZodString, z.ZodInt>;
}, z.core.$strip>;
