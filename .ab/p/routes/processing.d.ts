import type { IRouter } from 'express';
import type { Config } from '../config.js';
import type { Services } from '../services/index.js';
import type { JobViews } from './jobViews.js';
import type { ResultSender } from './sendResult.js';
/** Both routes of every workflow. */
export declare function processingRoutes(router: IRouter, services: Services, config: Config, views: JobViews, sender: ResultSender): void;
