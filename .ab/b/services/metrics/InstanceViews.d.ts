import type { z } from 'zod';
import type { instanceMetricsAnswer, instancesMetricsAnswer, metricsAnswer } from '../../schemas/metrics.js';
import type { Instance } from '../instances/Instance.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Recorder } from './Recorder.js';
type Fleet = Omit<z.input<typeof instancesMetricsAnswer>['summary'], 'jobs_processed' | 'success_rate'>;
type Details = z.input<typeof metricsAnswer>['instances']['details'][string];
type Figures = Omit<z.input<typeof instanceMetricsAnswer>, 'timestamp'>;
/** Figures of the instances, one by one and together. */
export declare class InstanceViews {
    #private;
    constructor(balancer: LoadBalancer, recorder: Recorder);
    get instances(): readonly Instance[];
    /** How many there are, and how much of them is in use. */
    fleet(): Fleet;
    /** The overview of one. */
    details(instance: Instance): Details;
    /** All of one. */
    figures(instance: Instance): Figures;
}
export {};
