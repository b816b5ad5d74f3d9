import type { RequestHandler } from 'express';
/**
 * What only means something with a page: what it may load, that nobody frames it, that no window of another origin
 * keeps a hold of it, and that none learns its address.
 * @param sources the directives of its policy that are its own
 */
export declare function pageHeaders(sources: readonly string[]): Record<string, string>;
/**
 * Headers that keep browsers from doing more with an answer than it is for. Answers are data: those that are pages say
 * themselves what they may load. Each header costs every answer a little.
 */
export declare function securityHeaders(origins: '*' | readonly string[] | undefined): RequestHandler;
/** Lets pages of these origins ask this server; also answers what browsers ask beforehand. */
export declare function crossOrigin(origins: '*' | readonly string[]): RequestHandler;
/** Refuses what is too long to be meant. */
export declare const limitUrl: RequestHandler;
