import { type IRouter } from 'express';
import type { Services } from '../services/index.js';
/** The OpenAPI document, and a page that shows it; nothing of it comes from anywhere else. */
export declare function docsRoutes(router: IRouter, services: Services): void;
