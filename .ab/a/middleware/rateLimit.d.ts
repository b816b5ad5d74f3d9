import type { RequestHandler } from 'express';
import type { Clock } from '../utils/clock.js';
/** Refuses a client's requests beyond `perMinute`, with the standard headers; counts by key, else by address. */
export declare function limitRate(perMinute: number, clock: Clock): RequestHandler;
