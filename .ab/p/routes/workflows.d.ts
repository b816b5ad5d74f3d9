import type { IRouter } from 'express';
import type { Services } from '../services/index.js';
/** What can be run, with everything that a form for it needs. */
export declare function workflowRoutes(router: IRouter, { workflows, estimates, instances }: Services): void;
