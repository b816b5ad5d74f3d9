import type { Response } from 'express';
import type { KeyRing } from '../utils/KeyRing.js';
import { type Caller, callerOf } from './authentication.js';

/**
 * Watches a response that stays open: keys are checked when a request arrives, but can be replaced afterwards. Calls `end` once, as
 * soon as the key of the request was removed, or `isAllowed` is false for the key as it is now.
 */
export function whileAllowed(
  keys: KeyRing,
  response: Response,
  isAllowed: (caller: Caller) => boolean,
  end: () => void,
): void {
  // It will not close again, so nothing would stop the watch.
  if (response.destroyed) return;
  const caller = callerOf(response);
  const look = () => {
    const key = caller.key && keys.current(caller.key);
    const areKeysNeeded = !keys.isEmpty;
    if ((key || !areKeysNeeded) && isAllowed({ ...caller, key, areKeysNeeded })) return;
    stop();
    end();
  };
  const stop = keys.watch(look);
  response.once('close', stop);
  // The keys may have been replaced since the request arrived.
  look();
}
