import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import S3rver from '@20minutes/s3rver';

const BUCKET = 'assets';
/** The only account of the server. */
export const S3_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' } as const;

/** Pages of any origin may read objects, but only with headers that need no permission. */
const CORS =
  '<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>';

/** An S3 server on a free port: s3rver, plus the missing operations to abort and list multipart uploads. */
export class S3Server {
  readonly bucket = BUCKET;
  readonly endpoint: string;
  /** All requests, as they arrived. */
  readonly requests: IncomingMessage[] = [];
  readonly #folder: string;
  readonly #s3rver: S3rver;
  readonly #away: { isOn: boolean };

  private constructor(s3rver: S3rver, folder: string, port: number, away: { isOn: boolean }) {
    this.#s3rver = s3rver;
    this.#away = away;
    this.#folder = folder;
    this.endpoint = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<S3Server> {
    const folder = await mkdtemp(path.join(tmpdir(), 's3-'));
    const uploads = path.join(folder, BUCKET, '._S3rver_uploads');
    const s3rver = new S3rver({
      address: '127.0.0.1',
      port: 0,
      directory: folder,
      silent: true,
      vhostBuckets: false,
      // It ignores the slash after a bucket's name, which the SDK includes in the signature.
      allowMismatchedSignatures: true,
      configureBuckets: [{ name: BUCKET, configs: [CORS] }],
    });
    s3rver.middleware.unshift(async (context, next) => {
      const { uploadId } = context.query;
      if (context.method === 'DELETE' && typeof uploadId === 'string') {
        await rm(path.join(uploads, path.basename(uploadId)), { recursive: true, force: true });
        context.status = 204;
      } else if (context.method === 'GET' && 'uploads' in context.query) {
        context.type = 'application/xml';
        context.body = await describeUploads(uploads);
      } else {
        await next();
      }
    });
    const away = { isOn: false };
    s3rver.middleware.unshift(async (context, next) => {
      if (away.isOn) context.req.socket.destroy();
      else await next();
    });
    const { port } = await s3rver.run();
    const server = new S3Server(s3rver, folder, port, away);
    s3rver.httpServer.on('request', (request) => server.requests.push(request));
    return server;
  }

  /** While it is away, it closes connections instead of responding. */
  set isAway(isAway: boolean) {
    this.#away.isOn = isAway;
  }

  /** Everything stored in the bucket: keys of objects, and incomplete multipart uploads. */
  async contents(): Promise<string[]> {
    const names = await readdir(path.join(this.#folder, BUCKET), { recursive: true });
    return names.filter((name) => /\._S3rver_object$|\._S3rver_uploads\//.test(name));
  }

  /** Creates what a killed server leaves: an object and an incomplete multipart upload. */
  async leaveBehind(key: string): Promise<void> {
    const object = path.join(this.#folder, BUCKET, `${key}-whole._S3rver_object`);
    const upload = path.join(this.#folder, BUCKET, '._S3rver_uploads', 'abandoned');
    for (const file of [object, path.join(upload, '1')]) {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, 'ab');
    }
    await writeFile(path.join(upload, 'key'), key);
  }

  async empty(): Promise<void> {
    for (const name of await readdir(path.join(this.#folder, BUCKET))) {
      await rm(path.join(this.#folder, BUCKET, name), { recursive: true });
    }
  }

  async stop(): Promise<void> {
    this.#s3rver.httpServer.closeAllConnections();
    await this.#s3rver.close();
    await rm(this.#folder, { recursive: true });
  }
}

async function describeUploads(folder: string): Promise<string> {
  const ids = await readdir(folder).catch(() => []);
  const uploads = ids.map(async (id) => {
    const key = await readFile(path.join(folder, id, 'key'), 'utf8');
    const { birthtime } = await stat(path.join(folder, id));
    return `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${birthtime.toISOString()}</Initiated></Upload>`;
  });
  return `<?xml version="1.0"?><ListMultipartUploadsResult>${(await Promise.all(uploads)).join('')}</ListMultipartUploadsResult>`;
}
