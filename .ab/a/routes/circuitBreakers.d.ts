import type { IRouter } from 'express';
import type { Services } from '../services/index.js';
/** The breakers, to look at and to open and close by hand. Names are `instance-1`, `instance-2`, … */
export declare function circuitBreakerRoutes(router: IRouter, services: Services): void;
