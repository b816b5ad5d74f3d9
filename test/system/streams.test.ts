import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FilePlace } from '../../src/simulator/folders.js';
import { startSimulator } from '../../src/simulator/index.js';
import { MemoryFolders } from '../../src/simulator/MemoryFolders.js';
import { ServerProcess } from '../support/process.js';
import { S3_CREDENTIALS, S3Server } from '../support/S3Server.js';
import { formOf, hashed, hashOfAnswer, send, videoOf } from '../support/videoStreams.js';
import { PASS_VIDEO, WorkflowFiles } from '../support/workflowFiles.js';

const MIB = 1024 * 1024;
const IN_BYTES = 100 * MIB;
/** Size of a result relative to the upload. */
const TIMES = 3;
/** Long enough for two processes and a store on a busy computer. */
const TIMEOUT_MS = 180_000;

/** Folders in which a saved file is three times as long as the loaded one. */
class LongResults extends MemoryFolders {
  override write(place: FilePlace, bytes: Buffer): void {
    super.write(place, place.type === 'output' ? Buffer.concat(new Array(TIMES).fill(bytes)) : bytes);
  }
}

let s3: S3Server;
let directory: string;
let workflows: WorkflowFiles;
beforeAll(async () => {
  s3 = await S3Server.start();
  directory = await mkdtemp(path.join(tmpdir(), 'assets-'));
  workflows = await WorkflowFiles.create(PASS_VIDEO);
});
afterAll(async () => {
  await s3.stop();
  await workflows.delete();
  await rm(directory, { recursive: true });
});

const STORES = {
  disk: () => ({ ASSET_STORE: 'disk', ASSET_DIR: directory }),
  s3: () => ({
    ASSET_STORE: 's3',
    S3_BUCKET: s3.bucket,
    S3_ENDPOINT: s3.endpoint,
    S3_FORCE_PATH_STYLE: 'true',
    ...S3_CREDENTIALS,
  }),
};

/** Current and peak resident memory of a process, bytes. */
function memoryOf(pid = 0): { now: number; highest: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
  return { now: bytes('VmRSS'), highest: bytes('VmHWM') };
}

/** Resets the peak memory of a process (proc(5), clear_refs). */
const forgetHighest = (pid = 0) => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** Sends a video through the workflow. @returns the hash of the upload, and the URL of the result */
async function passVideo(baseUrl: string, bytes: number): Promise<{ sent: string; url: string }> {
  const hash = createHash('sha256');
  const { headers, body } = formOf('video', hashed(videoOf(bytes), hash), bytes);
  const { status, json } = await send(`${baseUrl}/api/pass-video`, headers, body);
  expect({ status, json }).toMatchObject({ status: 200, json: { result: { kind: 'video' } } });
  return { sent: hash.digest('hex'), url: `${baseUrl}/api/jobs/${json['job_id']}/outputs/0` };
}

describe.each(Object.entries(STORES))('with ASSET_STORE=%s', (_, env) => {
  it(
    'memory does not grow with a large file on its way in and out',
    async () => {
      const folders = new LongResults(2 * TIMES * IN_BYTES);
      const simulator = await startSimulator({ folders, maxUploadBytes: 2 * IN_BYTES });
      const server = await ServerProcess.start({
        COMFYUI_HOST: simulator.host,
        WORKFLOWS_DIR: workflows.directory,
        // The machine is in this process, which is busier than a real machine.
        HEALTH_CHECK_TIMEOUT: '30000',
        MAX_FILE_SIZE: String(IN_BYTES),
        MAX_RESULT_SIZE: String(TIMES * IN_BYTES),
        // None of these limits apply to what is not in memory.
        MAX_UPLOAD_MEMORY: String(4 * MIB),
        MAX_QUEUE_MEMORY: String(MIB),
        MAX_RESULT_MEMORY: String(MIB),
        ...env(),
      });
      try {
        const { pid } = server.child;
        const { baseUrl } = server;
        // Memory for code that is loaded or compiled once must not count as growth.
        await hashOfAnswer((await passVideo(baseUrl, 8 * MIB)).url);
        forgetHighest(pid);
        const before = memoryOf(pid).now;
        const { sent, url } = await passVideo(baseUrl, IN_BYTES);
        const received = await hashOfAnswer(url);
        const growth = memoryOf(pid).highest - before;
        const uploads = folders
          .names('temp')
          .map((filename) => ({ type: 'temp', subfolder: '', filename }) as const);
        const arrived = uploads
          .map((place) => folders.read(place) ?? Buffer.alloc(0))
          .find(({ length }) => length === IN_BYTES);
        const one = arrived ?? Buffer.alloc(0);
        expect(createHash('sha256').update(one).digest('hex')).toBe(sent);
        const whole = createHash('sha256');
        for (let n = 0; n < TIMES; n += 1) whole.update(one);
        expect(received).toEqual({ sha256: whole.digest('hex'), bytes: TIMES * IN_BYTES });
        expect(growth).toBeLessThan(64 * MIB);
      } finally {
        await server.kill();
        await simulator.stop();
      }
    },
    TIMEOUT_MS,
  );
});
