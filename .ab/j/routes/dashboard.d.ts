import { type IRouter } from 'express';
/** The page at `/`. It holds no data: whoever opens it needs a key for those, where there are keys. */
export declare function dashboardRoutes(router: IRouter): void;
