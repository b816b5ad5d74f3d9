import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutputFiles } from '../../src/services/jobs/OutputFiles.js';
import { systemClock } from '../../src/utils/clock.js';
import type { Workflow } from '../../src/workflows/types.js';
import { eventually } from '../support/eventually.js';
import { fileOf, graphWorkflow } from '../support/graphWorkflow.js';
import { colourOf, png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack } from '../support/stack.js';

const OLD_ID = '0b8f1c8e-0000-4000-8000-000000000001';

let stack: Stack | undefined;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'outputs-'));
});
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
  await rm(directory, { recursive: true });
});

const inside = (...parts: string[]) => path.join(directory, ...parts);

async function start(
  env: Record<string, string> = {},
  logger?: RecordingLogger,
  workflows?: readonly Workflow[],
): Promise<Stack> {
  stack = await Stack.start({
    env: { OUTPUT_FILES: 'true', OUTPUT_DIR: directory, ...env },
    ...(workflows ? { overrides: { workflows } } : {}),
    ...(logger ? { logger } : {}),
  });
  return stack;
}

/** Creates a file of a previous process with this age in ms, by the clock of the server. */
async function oldFile(ageMs: number, ...parts: string[]): Promise<string> {
  const file = inside(...parts);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, 'x');
  const time = (systemClock.now() - ageMs) / 1000;
  await utimes(file, time, time);
  return file;
}

describe('saved results', () => {
  it('are written whole under the id of their job', async () => {
    const { client } = await start();
    const { body, image } = await client.process('remove-background', await png(), { format: 'jpeg' });
    expect(await readdir(directory)).toEqual([body.job_id]);
    expect(await readdir(path.join(directory, body.job_id))).toEqual(['remove-background.jpg']);
    const file = await readFile(path.join(directory, body.job_id, 'remove-background.jpg'));
    expect(file.equals(image)).toBe(true);
  });

  it('have numbers where there are several, or where one is no picture, and go with their job', async () => {
    const both = graphWorkflow('both', {
      files: [{ name: 'image', kind: 'image', required: true }],
      outputs: { image: '2', caption: '3' },
      build: (files) => ({
        '1': { class_type: 'LoadImage', inputs: { image: fileOf(files, 'image') } },
        '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
        '3': { class_type: 'ShowText|pysssss', inputs: { text: 'what it is' } },
      }),
    });
    const { client } = await start({}, undefined, [both]);
    const id = await client.submit('both', await png());
    await client.finished(id);
    expect((await readdir(path.join(directory, id))).sort()).toEqual(['both-2.txt', 'both.png']);
    expect(await readFile(path.join(directory, id, 'both-2.txt'), 'utf8')).toBe('what it is');
    await client.request(`/api/jobs/${id}`, { method: 'DELETE' });
    await eventually(async () => expect(await readdir(directory)).toEqual([]));
  });

  it('that cannot be written do not fail the job', async () => {
    const file = path.join(directory, 'a-file');
    await writeFile(file, '');
    const { client } = await start({ OUTPUT_DIR: file });
    await client.process('remove-background', await png());
  });

  it('cannot be led out of their folder', async () => {
    const files = new OutputFiles(path.join(directory, 'inside'));
    for (const [id, type] of [
      ['..', 'x'],
      ['../..', 'x'],
      ['a', '../../x'],
      ['/etc', 'x'],
      ['a/b', 'x'],
      ['.', 'x'],
    ] as const) {
      await expect(files.save(id, type, 'png', Buffer.from('x'))).rejects.toThrow('must stay inside');
    }
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('the files of a deleted job', () => {
  it('are deleted with it; those of one that merely expired stay', async () => {
    const { client } = await start({ JOB_CLEANUP_INTERVAL: '300' });
    const kept = (await client.process('remove-background', await png())).body.job_id;
    await eventually(() => client.error(`/api/jobs/${kept}/status`, 404).then(() => undefined));
    const { body } = await client.process('remove-background', await png({ colour: colourOf(1) }));
    expect((await readdir(directory)).sort()).toEqual([kept, body.job_id].sort());
    await client.request(`/api/jobs/${body.job_id}`, { method: 'DELETE' });
    await eventually(async () => expect(await readdir(directory)).toEqual([kept]));
  });

  it('are deleted too when they are written in that moment', async () => {
    const files = new OutputFiles(directory);
    const saved = files.save(OLD_ID, 'remove-background', 'png', Buffer.alloc(1024 * 1024));
    await files.remove(OLD_ID);
    await saved;
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('with OUTPUT_FILES_TTL', () => {
  it('files go when their time is over, also those of an earlier process', async () => {
    await oldFile(60_000, OLD_ID, 'remove-background.png');
    await oldFile(60_000, OLD_ID, 'upscale-image.jpg.tmp');
    const young = OLD_ID.replace(/1$/, '2');
    await oldFile(0, young, 'remove-background.png');
    const { client } = await start({ OUTPUT_FILES_TTL: '20000' });
    const { body } = await client.process('remove-background', await png());
    await eventually(async () => {
      expect((await readdir(directory)).sort()).toEqual([young, body.job_id].sort());
    });
    await stack?.stop();
    await start({ OUTPUT_FILES_TTL: '500' });
    await eventually(async () => expect(await readdir(directory)).toEqual([]));
  });

  it("nothing that is not the server's own is touched, and no link is followed", async () => {
    const elsewhere = await mkdtemp(path.join(tmpdir(), 'elsewhere-'));
    const treasure = path.join(elsewhere, 'remove-background.png');
    await writeFile(treasure, 'x');
    await utimes(treasure, 1, 1);
    const linked = OLD_ID.replace(/1$/, '3');
    await symlink(elsewhere, inside(linked));
    await oldFile(60_000, OLD_ID, 'notes.txt');
    await oldFile(60_000, OLD_ID, 'folder.png', 'deep.png');
    await symlink(treasure, inside(OLD_ID, 'remove-background.png'));
    await oldFile(60_000, 'not-a-job', 'remove-background.png');
    await oldFile(60_000, 'remove-background.png');
    const own = await oldFile(60_000, OLD_ID, 'upscale-image.webp');
    await start({ OUTPUT_FILES_TTL: '1000' });
    await eventually(async () =>
      expect(await readdir(path.dirname(own))).not.toContain('upscale-image.webp'),
    );
    expect((await readdir(inside(OLD_ID))).sort()).toEqual([
      'folder.png',
      'notes.txt',
      'remove-background.png',
    ]);
    expect((await readdir(directory)).sort()).toEqual(
      [OLD_ID, linked, 'not-a-job', 'remove-background.png'].sort(),
    );
    expect(await readdir(elsewhere)).toEqual(['remove-background.png']);
    await rm(elsewhere, { recursive: true });
  });

  it('one that cannot be deleted is logged once and tried again', async () => {
    // Not even root can read a folder that is a file, or delete its content.
    const blocked = inside('a-file');
    await writeFile(blocked, '');
    const log = new RecordingLogger();
    await start(
      { OUTPUT_DIR: path.join(blocked, 'outputs'), OUTPUT_FILES_TTL: '1000', OUTPUT_FILES: 'false' },
      log,
    );
    const complaints = () =>
      log.lines.filter(({ message }) => message === 'Output files could not be deleted');
    await eventually(() => expect(complaints()).toHaveLength(1));
    // After several sweeps, and after the obstacle is removed.
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(complaints()).toHaveLength(1);
    await rm(blocked);
    const file = await oldFile(60_000, 'a-file', 'outputs', OLD_ID, 'remove-background.png');
    await eventually(async () => expect(await readdir(path.dirname(path.dirname(file)))).toEqual([]));
  });
});
