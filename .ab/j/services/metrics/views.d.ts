import type { z } from 'zod';
import type { errorMetricsAnswer, instanceMetricsAnswer, instancesMetricsAnswer, metricsAnswer, performanceAnswer, statusMetricsAnswer } from '../../schemas/metrics.js';
import { type Clock } from '../../utils/clock.js';
import type { Instance } from '../instances/Instance.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { JobProcessor } from '../jobs/JobProcessor.js';
import type { Recorder } from './Recorder.js';
/** The figures as the metrics routes return them. No I/O. */
export declare class MetricsViews {
    #private;
    constructor(parts: {
        recorder: Recorder;
        balancer: LoadBalancer;
        manager: JobManager;
        processor: JobProcessor;
    }, clock: Clock);
    /** `GET /status/metrics`. */
    brief(): z.input<typeof statusMetricsAnswer>;
    /** `GET /api/metrics`. */
    overview(): z.input<typeof metricsAnswer>;
    /** `GET /api/metrics/performance`. */
    performance(): z.input<typeof performanceAnswer>;
    /** `GET /api/metrics/errors`. */
    errors(): z.input<typeof errorMetricsAnswer>;
    /** `GET /api/metrics/instances`. */
    instances(): z.input<typeof instancesMetricsAnswer>;
    /** `GET /api/metrics/instances/:host`. */
    instance(instance: Instance): z.input<typeof instanceMetricsAnswer>;
}
