import type { Response } from 'express';
import { AppError } from '../errors.js';
import { clientOf } from './authentication.js';
import type { Check } from './checks.js';

const RETRY_AFTER_SECONDS = 1;

/** Counts the open requests of each client, by key, otherwise by address. */
export class OpenRequests {
  readonly #max: number;
  readonly #open = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Rejects a request of a client that has too many open requests. */
  limit: Check = (_request, response) => {
    const id = clientOf(response);
    const count = this.#open.get(id) ?? 0;
    if (count >= this.#max) {
      throw new AppError('RATE_LIMITED', `More than ${this.#max} requests are open at the same time.`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    this.#open.set(id, count + 1);
    response.locals['isCounted'] = true;
  };

  /** Ends the count of a request. Must be called once for every closed response, whether its request was counted or not. */
  closed(response: Response): void {
    if (!response.locals['isCounted']) return;
    const id = clientOf(response);
    const left = (this.#open.get(id) ?? 1) - 1;
    if (left > 0) this.#open.set(id, left);
    else this.#open.delete(id);
  }
}
