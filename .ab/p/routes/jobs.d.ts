import type { IRouter } from 'express';
import type { Config } from '../config.js';
import type { Services } from '../services/index.js';
import { type JobViews } from './jobViews.js';
import { type ResultSender } from './sendResult.js';
/** What a client asks of jobs, one by one and all together. */
export declare function jobRoutes(router: IRouter, services: Services, config: Config, views: JobViews, sender: ResultSender): void;
