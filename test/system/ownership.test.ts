import { afterEach, describe, expect, it } from 'vitest';
import type { FilePlace, FolderType } from '../../src/simulator/folders.js';
import { MemoryFolders } from '../../src/simulator/MemoryFolders.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

let stack: Stack;
afterEach(() => stack.stop());

/** Runs `count` jobs at once, each with its own colour. @returns the numbers of those with a wrong image */
async function wrongOf(count: number, type: string, from = 0): Promise<number[]> {
  const jobs = Array.from({ length: count }, async (_, n) => {
    const id = await stack.client.submit(type, await png({ colour: colourOf(from + n) }));
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    const seen = await middle(await stack.client.resultImage(id));
    return distance(seen, colourOf(from + n)) > 8 ? [from + n] : [];
  });
  return (await Promise.all(jobs)).flat();
}

const deleteAll = (type: FolderType) => {
  const { folders } = stack.simulator();
  for (const filename of folders.names(type)) folders.remove({ type, subfolder: '', filename });
};

describe('the result of a job', () => {
  it('is its own where machines share their folders', async () => {
    const folders = new MemoryFolders();
    stack = await Stack.start({ simulators: [{ folders }, { folders }], env: { MAX_CONCURRENT_JOBS: '8' } });
    expect(await wrongOf(40, 'remove-background')).toEqual([]);
  });

  it('is its own when a file is deleted and its number is given to another job', async () => {
    stack = await Stack.start({ simulators: [{ cacheSize: 100 }] });
    expect(await wrongOf(1, 'upscale-image', 1)).toEqual([]);
    deleteAll('temp');
    deleteAll('output');
    expect(await wrongOf(1, 'upscale-image', 2)).toEqual([]);
    // The first image again: everything before its file is cached.
    expect(await wrongOf(1, 'upscale-image', 1)).toEqual([]);
  });

  it.each([false, true])(
    'has a file name of its own, whatever is deleted (without metadata: %s)',
    async (off) => {
      stack = await Stack.start({ simulators: [{ disableMetadata: off }] });
      const names = new Set<string>();
      for (let n = 0; n < 8; n += 1) {
        expect(await wrongOf(1, 'upscale-image', n)).toEqual([]);
        const files = stack
          .simulator()
          .folders.names('temp')
          .filter((name) => /^ComfyUI/.test(name));
        expect(files).toHaveLength(1);
        for (const name of files) names.add(name);
        deleteAll('temp');
      }
      expect(names.size).toBe(8);
    },
  );

  it('is not taken from a file that another prompt wrote under its name', async () => {
    stack = await Stack.start({ simulators: [{}, {}] });
    const strangers = await stack.client.process('upscale-image', await png({ colour: colourOf(70) }));
    expect(strangers.image.length).toBeGreaterThan(0);
    const other = fileOf(0) ?? fileOf(1);
    const bytes = other && (stack.simulator(0).folders.read(other) ?? stack.simulator(1).folders.read(other));
    if (!bytes) throw new Error('there is no file of another prompt');
    for (const { faults } of stack.simulators) {
      faults.rewrite = (whole) => (isPng(whole) ? bytes : whole);
    }
    const id = await stack.client.submit('upscale-image', await png({ colour: colourOf(5) }));
    const status = await stack.client.finished(id);
    expect(status).toMatchObject({ status: 'failed', attempts: 3 });
    expect(JSON.stringify(status)).toContain('created by another prompt');
  });

  it('is its own if the loader has no IS_CHANGED and ComfyUI keeps many results', async () => {
    const folder = await WorkflowFiles.create({
      'named.json': JSON.stringify({
        '1': { class_type: 'LoadNamedImage', inputs: { image: 'x.png' } },
        '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
        '3': { class_type: 'ImageInvert', inputs: { image: ['2', 0] } },
        '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'p' } },
      }),
    });
    stack = await Stack.start({ simulators: [{ cacheSize: 100 }], env: { WORKFLOWS_DIR: folder.directory } });
    // More images than there are names, and the first one again at the end.
    const wrong: number[] = [];
    for (const n of [...Array(12).keys(), 0]) {
      const picture = await png({ colour: colourOf(n) });
      const { image } = await stack.client.process('named', picture, { field: 'image' });
      if (distance(await middle(image), colourOf(n)) > 8) wrong.push(n);
    }
    expect(wrong).toEqual([]);
    await folder.delete();
  });

  it('comes with nothing of the upload, nor of the graph that made it', async () => {
    stack = await Stack.start();
    const picture = await png();
    const { image } = await stack.client.process('remove-background', picture);
    const text = image.toString('latin1');
    expect(text).not.toContain('tEXt');
    expect(text).not.toContain('class_type');
    expect(text).not.toContain(picture.toString('base64').slice(0, 40));
  });
});

const isPng = (bytes: Buffer) => bytes.subarray(1, 4).toString('latin1') === 'PNG';

/** An output file of the n-th machine. */
function fileOf(machine: number): FilePlace | undefined {
  const { folders } = stack.simulator(machine);
  const filename = folders.names('temp').find((name) => /^ComfyUI/.test(name));
  return filename === undefined ? undefined : { type: 'temp', subfolder: '', filename };
}

describe('the cache of a machine', () => {
  it('is used for the same picture again, up to the file that every job gets for itself', async () => {
    stack = await Stack.start({ simulators: [{ workMs: { ImageUpscaleWithModel: 300 } }] });
    const picture = await png({ colour: colourOf(9) });
    const seconds: number[] = [];
    for (let n = 0; n < 2; n += 1) {
      const { body, image } = await stack.client.process('upscale-image', picture);
      seconds.push(body.result.processing_time_seconds);
      expect(distance(await middle(image), colourOf(9))).toBeLessThan(8);
    }
    expect(seconds[0]).toBeGreaterThan(0.3);
    expect(seconds[1]).toBeLessThan(0.3);
  });
});

describe('uploads', () => {
  const uploads = () =>
    stack
      .simulator()
      .folders.names('temp')
      .filter((name) => /^comfyui-express-.*-\d+\.png$/.test(name));

  it('do not fill the temp folder, however many there are', async () => {
    stack = await Stack.start({ env: { MAX_CONCURRENT_JOBS: '2' } });
    expect(await wrongOf(30, 'remove-background')).toEqual([]);
    expect(uploads().length).toBeGreaterThan(0);
    expect(uploads().length).toBeLessThanOrEqual(8);
    expect(stack.simulator().folders.names('input')).toEqual([]);
  });

  it('leave no picture in queue, history or output folder', async () => {
    stack = await Stack.start({ env: { COMFYUI_KEEP_HISTORY: 'true' } });
    const picture = await png();
    await stack.client.process('remove-background', picture);
    await eventually(() => expect(stack.simulator().historyIds).toHaveLength(1));
    const history = await fetch(`http://${stack.simulator().host}/history`).then((one) => one.text());
    expect(history).not.toContain(picture.toString('base64').slice(0, 40));
    expect(stack.simulator().folders.names('output')).toEqual([]);
  });

  it('are not overwritten while a prompt waits that reads them', async () => {
    stack = await Stack.start({
      simulators: [{ workMs: { InspyrenetRembg: 150 } }],
      env: { MAX_JOBS_PER_INSTANCE: '12', MAX_CONCURRENT_JOBS: '12' },
    });
    expect(await wrongOf(12, 'remove-background')).toEqual([]);
  });

  it('are sent again when the machine was restarted before the prompt came', async () => {
    stack = await Stack.start();
    const { simulators, client } = stack;
    const folders = simulators[0]?.folders;
    await wrongOf(1, 'upscale-image', 1);
    stack.simulator().traps.waiting = undefined;
    // The file disappears between upload and submission, once.
    const write = folders?.write.bind(folders);
    let losses = 1;
    if (folders && write) {
      folders.write = (place, bytes) => {
        if (place.type === 'temp' && /-\d+\.png$/.test(place.filename) && losses-- > 0) return;
        write(place, bytes);
      };
    }
    folders?.empty('temp');
    const id = await client.submit('upscale-image', await png({ colour: colourOf(8) }));
    expect(await client.finished(id)).toMatchObject({ status: 'completed', attempts: 2 });
  });

  it('can be avoided: the picture rides in the prompt then', async () => {
    stack = await Stack.start({ env: { COMFYUI_IMAGE_INPUT: 'base64' } });
    expect(await wrongOf(6, 'upscale-image')).toEqual([]);
    expect(stack.simulator().requests.get('POST /upload')).toBeUndefined();
    const { image } = await stack.client.process('upscale-image', await png());
    expect(image.toString('latin1')).not.toContain('tEXt');
  });
});
