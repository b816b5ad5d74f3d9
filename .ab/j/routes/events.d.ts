import type { IRouter } from 'express';
import type { Services } from '../services/index.js';
import type { JobViews } from './jobViews.js';
/** Server-sent events: of one job, and of the whole system. */
export declare function eventRoutes(router: IRouter, services: Services, views: JobViews): void;
