import { type Express } from 'express';
import type { Config } from './config.js';
import type { Services } from './services/index.js';
/** Express with its middleware and routers: no I/O, no globals, no listening. */
export declare function createApp(services: Services, config: Config): Express;
