import type { IRouter } from 'express';
import type { Services } from '../services/index.js';
/** The figures, for dashboards and people on call. */
export declare function metricsRoutes(router: IRouter, services: Services): void;
