import type { IRouter } from 'express';
import type { Services } from '../services/index.js';
/** Whether a path is one of these, in any of the ways in which Express takes it for one. */
export declare function isForLoadBalancers(path: string): boolean;
/** What load balancers and people on call ask. */
export declare function statusRoutes(router: IRouter, services: Services): void;
