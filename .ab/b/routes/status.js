import { getHeapStatistics } from 'node:v8';
import { callerOf, requireKey } from '../middleware/authentication.js';
import { toIso, toSeconds } from '../utils/clock.js';
import { hours, rounded, seconds } from '../utils/figures.js';
import { instanceView } from './instanceViews.js';
import { route } from './route.js';
const MIB = 1024 * 1024;
/** Whether a path is one of these, in any of the ways in which Express takes it for one. */
export function isForLoadBalancers(path) {
    return /^\/(status(\/metrics)?|health)\/?$/i.test(path);
}
/** What load balancers and people on call ask. */
export function statusRoutes(router, services) {
    const { health, manager, processor, balancer, clock } = services;
    // Asked every second by load balancers: only what is in memory.
    const status = (_request, response) => {
        const { state } = health.report();
        const body = {
            status: state,
            healthy_instances: balancer.healthyCount,
            total_instances: balancer.instances.length,
            active_jobs: processor.activeJobs,
            pending_jobs: manager.queue.size,
            uptime_hours: hours(health.uptimeMs),
            processor_running: processor.isRunning,
            timestamp: toIso(clock.now()),
        };
        response.status(state === 'critical' ? 503 : 200).json(body);
    };
    const fullHealth = async (_request, response) => {
        // It stays open for load balancers, and our machines' addresses are not for everybody.
        const { areKeysNeeded, key } = callerOf(response);
        const body = await healthBody(services, areKeysNeeded && !key ? idOf : hostOf);
        response.status(body.status === 'critical' ? 503 : 200).json(body);
    };
    const metrics = (_request, response) => {
        response.json(services.metrics.brief());
    };
    route(router, '/status', { get: status });
    route(router, '/status/metrics', { get: [requireKey, metrics] });
    route(router, '/health', { get: fullHealth });
}
const hostOf = ({ host }) => host;
const idOf = ({ address }) => address.id;
async function healthBody(services, nameOf) {
    const { health, manager, processor, instances, connections, recorder, clock } = services;
    const { state, issues } = health.report(nameOf);
    const healthy = services.balancer.healthyCount;
    const { all } = recorder;
    const lastHour = recorder.last(60);
    return {
        status: state,
        timestamp: toIso(clock.now()),
        issues: [...issues],
        uptime: {
            total_uptime_hours: hours(recorder.totalUptimeMs),
            process_uptime_seconds: toSeconds(health.uptimeMs),
            started_at: toIso(recorder.startedAt),
        },
        comfyui_instances: {
            total: instances.length,
            healthy,
            unhealthy: instances.length - healthy,
            instances: instances.map((instance) => instanceView(instance, nameOf)),
        },
        job_processing: {
            processor_running: processor.isRunning,
            active_jobs: processor.activeJobs,
            pending_jobs: manager.queue.size,
            total_jobs: (await manager.counts()).total,
            max_concurrent_jobs: processor.options.maxConcurrentJobs,
        },
        connections: named(connections.stats(), instances, nameOf),
        performance: {
            total_jobs_processed: all.processed,
            success_rate: all.successRate === null ? null : `${(all.successRate * 100).toFixed(2)}%`,
            average_processing_time_seconds: seconds(all.durations.average),
            jobs_processed_last_hour: lastHour.completed + lastHour.failed,
        },
        memory: memoryBody(),
    };
}
/** Figures by host, under the names that the caller may see. */
function named(byHost, instances, nameOf) {
    const names = new Map(instances.map((instance) => [instance.host, nameOf(instance)]));
    return Object.fromEntries(Object.entries(byHost).map(([host, figures]) => [names.get(host) ?? host, figures]));
}
/** Heap in use, the process's whole memory, and the heap's share of what Node lets it grow to. */
function memoryBody() {
    const { heapUsed, rss } = process.memoryUsage();
    return {
        used_mb: rounded(heapUsed / MIB, 1),
        rss_mb: rounded(rss / MIB, 1),
        usage_percentage: Math.max(0.1, rounded((heapUsed / getHeapStatistics().heap_size_limit) * 100, 1)),
    };
}
//# sourceMappingURL=status.js.map