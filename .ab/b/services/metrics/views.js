import { isoOrNull, toIso } from '../../utils/clock.js';
import { hours, rounded, seconds, share } from '../../utils/figures.js';
import { InstanceViews } from './InstanceViews.js';
const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;
/** In the overview; the errors' own view has all that are kept. */
const ERRORS_IN_OVERVIEW = 10;
/** The figures as the metrics routes return them. No I/O. */
export class MetricsViews {
    #recorder;
    #instances;
    #manager;
    #processor;
    #clock;
    constructor(parts, clock) {
        this.#recorder = parts.recorder;
        this.#instances = new InstanceViews(parts.balancer, parts.recorder);
        this.#manager = parts.manager;
        this.#processor = parts.processor;
        this.#clock = clock;
    }
    /** `GET /status/metrics`. */
    brief() {
        const { all, startedAt, totalUptimeMs } = this.#recorder;
        const { total, healthy, utilization_percentage } = this.#instances.fleet();
        return {
            timestamp: this.#now(),
            jobs: {
                total_processed: all.processed,
                success_rate: rounded(all.successRate, 4),
                jobs_per_hour: this.#perHour(),
                active_jobs: this.#processor.activeJobs,
                pending_jobs: this.#manager.queue.size,
            },
            performance: {
                average_processing_time_seconds: seconds(all.durations.average),
                p95_processing_time_ms: rounded(all.durations.percentile(95), 1),
                fastest_processing_time_seconds: seconds(all.durations.min),
                slowest_processing_time_seconds: seconds(all.durations.max),
            },
            instances: { total, healthy, utilization_percentage },
            uptime: { total_hours: hours(totalUptimeMs), last_restart: toIso(startedAt) },
        };
    }
    /** `GET /api/metrics`. */
    overview() {
        const { all, waiting, byType, recentErrors, firstStart, totalUptimeMs } = this.#recorder;
        const { total, healthy, unhealthy } = this.#instances.fleet();
        const perHour = this.#perHour();
        return {
            timestamp: this.#now(),
            uptime: { total_uptime_hours: hours(totalUptimeMs), start_time: toIso(firstStart) },
            jobs: {
                total_processed: all.processed,
                success_rate: rounded(all.successRate, 4),
                failure_rate: rounded(all.failureRate, 4),
                active_jobs: this.#processor.activeJobs,
                pending_jobs: this.#manager.queue.size,
                completed_jobs: all.completed,
                failed_jobs: all.failed,
                cancelled_jobs: all.cancelled,
                by_type: mapValues(byType, (tally) => ({
                    total: tally.processed,
                    success_rate: rounded(tally.successRate, 4),
                    average_processing_time_seconds: seconds(tally.durations.average),
                })),
            },
            performance: {
                average_processing_time_seconds: seconds(all.durations.average),
                p50_processing_time_ms: rounded(all.durations.percentile(50), 1),
                p95_processing_time_ms: rounded(all.durations.percentile(95), 1),
                p99_processing_time_ms: rounded(all.durations.percentile(99), 1),
                queue_wait: {
                    average_ms: rounded(waiting.average, 1),
                    p95_ms: rounded(waiting.percentile(95), 1),
                },
                throughput: { jobs_per_hour: perHour, jobs_per_minute: rounded(perHour / 60, 4) },
            },
            instances: {
                total,
                healthy,
                unhealthy,
                details: Object.fromEntries(this.#instances.instances.map((instance) => [instance.host, this.#instances.details(instance)])),
            },
            errors: {
                total_errors: all.failed,
                error_rate: rounded(all.failureRate, 4),
                by_type: { ...all.byCategory },
                recent_errors: recentErrors.slice(0, ERRORS_IN_OVERVIEW).map(errorView),
            },
        };
    }
    /** `GET /api/metrics/performance`. */
    performance() {
        const { durations } = this.#recorder.all;
        const perHour = this.#perHour();
        return {
            timestamp: this.#now(),
            processing_times: {
                average_seconds: seconds(durations.average),
                median_seconds: seconds(durations.percentile(50)),
                p95_milliseconds: rounded(durations.percentile(95), 1),
                p99_milliseconds: rounded(durations.percentile(99), 1),
                fastest_seconds: seconds(durations.min),
                slowest_seconds: seconds(durations.max),
            },
            throughput: {
                jobs_per_hour: perHour,
                jobs_per_minute: rounded(perHour / 60, 4),
                jobs_per_second: rounded(perHour / 3600, 6),
            },
            by_job_type: mapValues(this.#recorder.byType, (tally, type) => ({
                average_processing_time_seconds: seconds(tally.durations.average),
                p95_processing_time_ms: rounded(tally.durations.percentile(95), 1),
                throughput_per_hour: this.#perHour(type),
            })),
            trends: { last_hour: this.#trend(HOUR_MINUTES), last_24_hours: this.#trend(DAY_MINUTES) },
        };
    }
    /** `GET /api/metrics/errors`. */
    errors() {
        const { all, byInstance, lastByCategory, recentErrors } = this.#recorder;
        return {
            timestamp: this.#now(),
            summary: {
                total_errors: all.failed,
                error_rate: rounded(all.failureRate, 4),
                errors_last_hour: this.#recorder.last(HOUR_MINUTES).failed,
                errors_last_24_hours: this.#recorder.last(DAY_MINUTES).failed,
            },
            by_type: mapValues(new Map(Object.entries(all.byCategory)), (count, category) => {
                const last = lastByCategory.get(category);
                return {
                    count,
                    percentage: share(count, all.failed),
                    last_occurrence: isoOrNull(last),
                };
            }),
            by_instance: mapValues(byInstance, (tally) => ({
                error_count: tally.failed,
                error_rate: rounded(tally.failureRate, 4),
                most_common_error: tally.mostCommonError,
            })),
            recent_errors: recentErrors.map(errorView),
        };
    }
    /** `GET /api/metrics/instances`. */
    instances() {
        const { all } = this.#recorder;
        return {
            timestamp: this.#now(),
            summary: {
                ...this.#instances.fleet(),
                jobs_processed: all.processed,
                success_rate: rounded(all.successRate, 4),
            },
            instances: this.#instances.instances.map((instance) => this.#instances.figures(instance)),
        };
    }
    /** `GET /api/metrics/instances/:host`. */
    instance(instance) {
        return { timestamp: this.#now(), ...this.#instances.figures(instance) };
    }
    #now() {
        return toIso(this.#clock.now());
    }
    /** Jobs that completed or failed in the last hour. */
    #perHour(type) {
        const { completed, failed } = this.#recorder.last(HOUR_MINUTES, type);
        return completed + failed;
    }
    #trend(minutes) {
        const { completed, averageProcessingMs } = this.#recorder.last(minutes);
        return { jobs_completed: completed, average_processing_time_seconds: seconds(averageProcessingMs) };
    }
}
function mapValues(map, view) {
    return Object.fromEntries([...map].map(([key, value]) => [key, view(value, key)]));
}
/** No stack trace: only the message. */
function errorView({ time, category, instance, jobId, jobType, message }) {
    return {
        timestamp: toIso(time),
        type: category,
        instance,
        job_id: jobId,
        job_type: jobType,
        message,
    };
}
//# sourceMappingURL=views.js.map