import { type Server } from 'node:http';
import type { Express } from 'express';
import type { Config } from './config.js';
/** Node's HTTP server around the app, with the limits that hold before there is a request. */
export declare function createHttpServer(app: Express, config: Pick<Config, 'UPLOAD_TIMEOUT'>): Server;
