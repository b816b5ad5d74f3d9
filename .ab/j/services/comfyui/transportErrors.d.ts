import { PromptError } from '../../errors.js';
/**
 * Names what went wrong between this server and an instance. Such failures are the instance's or the network's,
 * so another try makes sense. The error carries no request, which may hold a secret header.
 */
export declare function transportError(action: string, error: unknown, timedOut: boolean): PromptError;
