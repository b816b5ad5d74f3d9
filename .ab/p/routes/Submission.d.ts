import type { RequestHandler } from 'express';
import type { Config } from '../config.js';
import type { Services } from '../services/index.js';
import type { Workflow } from '../workflows/types.js';
import { type JobViews } from './jobViews.js';
import { type ResultSender } from './sendResult.js';
/** Submissions to one workflow. */
export declare class Submission {
    #private;
    constructor(workflow: Workflow, parts: {
        services: Services;
        config: Config;
        views: JobViews;
        sender: ResultSender;
    });
    /** A server that is full or ends says so before it takes megabytes. */
    checkBeforeUpload: RequestHandler;
    alwaysAsync: RequestHandler;
    syncOrAsync: RequestHandler;
}
