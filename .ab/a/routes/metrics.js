import { AppError } from '../errors.js';
import { requireAdmin } from '../middleware/authentication.js';
import { isoOrNull, toIso } from '../utils/clock.js';
import { seconds } from '../utils/figures.js';
import { route } from './route.js';
const HISTORY_MINUTES = 60;
/** The figures, for dashboards and people on call. */
export function metricsRoutes(router, services) {
    const { metrics, prometheus } = services;
    const prometheusText = async (_request, response) => {
        response.set('Content-Type', prometheus.contentType).send(await prometheus.text());
    };
    route(router, '/metrics', { get: prometheusText });
    route(router, '/api/metrics', { get: (_request, response) => void response.json(metrics.overview()) });
    route(router, '/api/metrics/performance', {
        get: (_request, response) => void response.json(metrics.performance()),
    });
    route(router, '/api/metrics/errors', {
        get: (_request, response) => void response.json(metrics.errors()),
    });
    route(router, '/api/metrics/history', { get: historyHandler(services) });
    route(router, '/api/metrics/instances', {
        get: (_request, response) => void response.json(metrics.instances()),
    });
    route(router, '/api/metrics/instances/:host', { get: instanceHandler(services) });
    route(router, '/api/metrics/save', { post: [requireAdmin, saveHandler(services)] });
    route(router, '/api/metrics/persistence', { get: persistenceHandler(services) });
}
function historyHandler({ recorder, clock }) {
    return (_request, response) => {
        const body = {
            timestamp: toIso(clock.now()),
            minutes: recorder
                .byMinute(HISTORY_MINUTES)
                .map(({ start, completed, failed, averageProcessingMs }) => ({
                time: toIso(start),
                completed,
                failed,
                average_processing_time_seconds: seconds(averageProcessingMs),
            })),
        };
        response.json(body);
    };
}
function instanceHandler({ metrics, instances }) {
    return (request, response) => {
        const host = String(request.params['host']);
        const instance = instances.find((candidate) => candidate.host === host);
        if (!instance) {
            throw new AppError('INSTANCE_NOT_FOUND', `There is no instance ${host.slice(0, 100)}.`, {
                details: { known_hosts: instances.map((known) => known.host) },
            });
        }
        response.json(metrics.instance(instance));
    };
}
function saveHandler({ metricsFile, clock }) {
    return async (_request, response) => {
        try {
            await metricsFile.save();
        }
        catch (error) {
            throw new AppError('INTERNAL_ERROR', 'The metrics could not be saved.', { cause: error });
        }
        const { filePath, sizeBytes } = metricsFile.status;
        const body = {
            message: 'Metrics saved.',
            timestamp: toIso(clock.now()),
            file_path: filePath,
            file_size_bytes: sizeBytes ?? 0,
        };
        response.json(body);
    };
}
function persistenceHandler({ metricsFile }) {
    return (_request, response) => {
        const { filePath, intervalMs, lastSave, nextSave, sizeBytes, lastError } = metricsFile.status;
        const body = {
            enabled: true,
            file_path: filePath,
            save_interval_ms: intervalMs,
            last_save: isoOrNull(lastSave),
            next_save: isoOrNull(nextSave),
            file_size_bytes: sizeBytes,
            auto_save_enabled: intervalMs > 0,
            last_error: lastError,
        };
        response.json(body);
    };
}
//# sourceMappingURL=metrics.js.map