import type { z } from 'zod';
import { type Caller, callerOf } from '../../middleware/authentication.js';
import { sessionAnswer } from '../../schemas/session.js';
import { toSeconds } from '../../utils/clock.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

type Session = z.input<typeof sessionAnswer>;

/** Information that a client needs before its first request. */
export const sessionEndpoint: Endpoint = {
  id: 'session',
  method: 'get',
  path: '/api/session',
  tag: TAGS.health,
  summary: 'The scope of the caller, and the limits for files.',
  // A page requests it before it has a key, and to check whether its key is valid.
  access: 'open',
  responses: { 200: { description: 'The session.', schema: sessionAnswer } },
  handler: ({ config: { uploads, jobs } }) => {
    const limits: Session['limits'] = {
      max_file_bytes: uploads.maxFileBytes,
      max_image_pixels: uploads.maxImagePixels,
      image_types: [...uploads.imageTypes],
    };
    return (_request, response) => {
      const caller = callerOf(response);
      const body: Session = {
        needs_key: caller.areKeysNeeded,
        access: accessOf(caller),
        key_name: caller.key?.name ?? null,
        limits,
        results_kept_seconds: toSeconds(jobs.lifetimeMs),
      };
      response.json(body);
    };
  },
};

function accessOf({ areKeysNeeded, key }: Caller): Session['access'] {
  if (!areKeysNeeded || key?.scope === 'admin') return 'admin';
  return key ? 'submit' : 'none';
}
