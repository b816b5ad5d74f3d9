import { z } from 'zod';
import { choice, flag, folder, integer, plainUrl, type Values } from './fields.js';
import type { jobVariables } from './jobs.js';

const STORES = ['memory', 'disk', 's3'] as const;

/** The maximum of S3: a week. */
const MAX_PRESIGN_SECONDS = 604_800;

/** Where the files of jobs are stored. The AWS SDK reads its own variables for credentials. */
export const assetVariables = {
  ASSET_STORE: choice(STORES)
    .default('memory')
    .describe(STORES.join(', '))
    .meta({ meaning: 'Where uploads and outputs are stored: `memory`, `disk` or `s3`.' }),
  ASSET_DIR: folder('./data/assets').meta({
    meaning: 'Folder for `ASSET_STORE=disk`. Servers may share it only with `QUEUE=redis`.',
  }),
  ASSET_TTL: integer(0, 0, Number.MAX_SAFE_INTEGER).meta({
    meaning:
      'Milliseconds after which files that belong to no job are deleted, such as uploads that nobody uses. Those of a killed server are deleted after the same time with `QUEUE=memory`, and within 20 minutes with `QUEUE=redis`. 0: same as `JOB_CLEANUP_INTERVAL`.',
  }),
  S3_BUCKET: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]{1,254}$/)
    .optional()
    .describe("a bucket's name")
    .meta({
      meaning:
        'Bucket for `ASSET_STORE=s3`. The AWS SDK finds the credentials (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, a profile, a role).',
    }),
  S3_REGION: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/)
    .default('us-east-1')
    .describe("a region's name")
    .meta({ meaning: 'Region of the bucket.' }),
  S3_ENDPOINT: plainUrl
    .optional()
    .describe('an http or https URL')
    .meta({ meaning: 'URL of an S3-compatible service other than AWS.' }),
  S3_PREFIX: z
    .string()
    .regex(/^[\w!.*'()/-]{0,512}$/)
    .default('')
    .describe("letters, digits and /!-_.*'() that keys begin with")
    .meta({
      meaning: 'Prefix of all object keys, such as `assets/`. Servers may share it only with `QUEUE=redis`.',
    }),
  S3_FORCE_PATH_STYLE: flag(false).meta({
    meaning:
      'Put the bucket name into the path instead of the host name. Many S3-compatible services need this.',
  }),
  S3_PRESIGN_SECONDS: integer(0, 0, MAX_PRESIGN_SECONDS).meta({
    meaning:
      'Lifetime in seconds of the presigned URLs to which clients are redirected for outputs. 0: the server sends the bytes itself.',
  }),
};

type AssetEnvironment = Values<typeof assetVariables> &
  Pick<Values<typeof jobVariables>, 'JOB_CLEANUP_INTERVAL'>;

export const assetConfig = (env: AssetEnvironment) => ({
  store: env.ASSET_STORE,
  directory: env.ASSET_DIR,
  /** How long a file without a job is kept. */
  lifetimeMs: env.ASSET_TTL || env.JOB_CLEANUP_INTERVAL,
  /** Not empty if the store is `s3`. */
  bucket: env.S3_BUCKET ?? '',
  region: env.S3_REGION,
  /** undefined for AWS. */
  endpoint: env.S3_ENDPOINT,
  /** Prefix of all keys. */
  prefix: env.S3_PREFIX,
  /** Whether the bucket's name is in the path instead of the host name. */
  forcePathStyle: env.S3_FORCE_PATH_STYLE,
  /** Lifetime of presigned URLs; 0: there are none. */
  presignSeconds: env.S3_PRESIGN_SECONDS,
});
