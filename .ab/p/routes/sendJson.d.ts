import type { ServerResponse } from 'node:http';
/**
 * What `response.json` does, for what is asked most: without looking up Express' settings for escaping, entity tags
 * and character sets, none of which is used, and which cost an answer of this size more than its JSON does.
 */
export declare function sendJson(response: ServerResponse, body: object): void;
