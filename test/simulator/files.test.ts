import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { distance, middle, png, sidewaysPhoto, transparentPng } from '../support/pictures.js';
import { cutOut, entryOf, inverted, outputOf, run } from './graphs.js';
import { call, FrameRecorder } from './recorder.js';
import { textChunks, upload, view } from './upload.js';

let simulator: Simulator;
let socket: FrameRecorder;
beforeEach(async () => {
  simulator = await startSimulator();
  socket = await FrameRecorder.open(simulator, 'me');
});
afterEach(() => simulator.stop());

describe('POST /upload/image', () => {
  it('keeps a file in the folder that is named, and tells where', async () => {
    const bytes = await png();
    const temp = await upload(simulator, { type: 'temp', name: 'a.png', bytes, overwrite: 'true' });
    expect(await temp.json()).toEqual({ name: 'a.png', subfolder: '', type: 'temp' });
    const input = await upload(simulator, { subfolder: 'mw', name: 'up.png', bytes });
    expect(await input.json()).toEqual({ name: 'up.png', subfolder: 'mw', type: 'input' });
    expect(await view(simulator, { filename: 'a.png', type: 'temp' })).toEqual(bytes);
    expect(await view(simulator, { filename: 'up.png', type: 'input', subfolder: 'mw' })).toEqual(bytes);
  });

  it('gives other bytes under a taken name another one, and the same bytes the same', async () => {
    const name = async (bytes: Buffer, overwrite?: string) => {
      const fields = { type: 'temp', name: 'slot.jpg', bytes, ...(overwrite ? { overwrite } : {}) };
      return ((await (await upload(simulator, fields)).json()) as { name: string }).name;
    };
    const [first, second] = [Buffer.from('first'), Buffer.from('second')];
    expect(await name(first)).toBe('slot.jpg');
    expect(await name(first)).toBe('slot.jpg');
    expect(await name(second)).toBe('slot (1).jpg');
    expect(await name(second)).toBe('slot (1).jpg');
    expect(await name(second, 'true')).toBe('slot.jpg');
    expect(await view(simulator, { filename: 'slot.jpg', type: 'temp' })).toEqual(second);
  });

  it('answers a name that leads out with a failure in plain text, and no image with 400', async () => {
    const bytes = Buffer.from('x');
    for (const fields of [{ name: '../../x/rec.jpg' }, { name: 'a.png', subfolder: '../out' }]) {
      const answer = await upload(simulator, { bytes, ...fields });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([500, 'text/plain; charset=utf-8']);
      expect(await answer.text()).toBe('500 Internal Server Error\n\nServer got itself in trouble');
    }
    const form = new FormData();
    form.set('type', 'temp');
    const empty = await fetch(`http://${simulator.host}/upload/image`, { method: 'POST', body: form });
    expect(empty.status).toBe(400);
  });

  it('keeps every byte, whatever looks like a boundary', async () => {
    const file = Buffer.from('\r\n--BOUNDARY\r\r\n--BOUNDARYX\r\n\r\n\0\xff--BOUNDARY--\r\n', 'latin1');
    const part = (head: string) => `--BOUNDARY\r\nContent-Disposition: form-data; ${head}\r\n\r\n`;
    const body = Buffer.concat([
      Buffer.from(`${part('name="overwrite"')}true\r\n`),
      Buffer.from(part('filename="b in.png"; name="image"')),
      file,
      Buffer.from(`\r\n${part('name="type"')}temp\r\n--BOUNDARY--\r\n`),
    ]);
    const headers = { 'Content-Type': 'multipart/form-data; boundary="BOUNDARY"' };
    const answer = await fetch(`http://${simulator.host}/upload/image`, { method: 'POST', headers, body });
    expect(await answer.json()).toEqual({ name: 'b in.png', subfolder: '', type: 'temp' });
    expect(await view(simulator, { filename: 'b in.png', type: 'temp' })).toEqual(file);
  });

  it('refuses a body above the limit that /features tells', async () => {
    simulator.faults.maxUploadBytes = 1000;
    expect((await call(simulator, 'GET', '/features')).json).toHaveProperty('max_upload_size', 1000);
    expect((await upload(simulator, { name: 'big.png', bytes: Buffer.alloc(1001) })).status).toBe(413);
    expect((await upload(simulator, { name: 'small.png', bytes: Buffer.alloc(100) })).status).toBe(200);
  });
});

describe('LoadImage', () => {
  it('is refused at submission when there is no such file', async () => {
    const refused = await call(simulator, 'POST', '/prompt', { prompt: inverted('gone.png [temp]') });
    expect(refused.status).toBe(400);
    expect(refused.json).toHaveProperty('node_errors.1', {
      errors: [
        {
          type: 'custom_validation_failed',
          message: 'Custom validation failed for node',
          details: 'image - Invalid image file: gone.png [temp]',
          extra_info: { input_name: 'image' },
        },
      ],
      dependent_outputs: ['3'],
      class_type: 'LoadImage',
    });
  });

  it('reads the file when the prompt runs, turns it by EXIF, and goes by its content', async () => {
    simulator.faults.hang = true;
    simulator.folders.write({ type: 'temp', subfolder: 'sub', filename: 'a.png' }, await png());
    const busy = await call(simulator, 'POST', '/prompt', { prompt: cutOut('sub/a.png [temp]') });
    const waiting = await call(simulator, 'POST', '/prompt', {
      client_id: 'me',
      prompt: inverted('sub/a.png [temp]'),
    });
    const photo = await sidewaysPhoto();
    await upload(simulator, { type: 'temp', subfolder: 'sub', name: 'a.png', bytes: photo, overwrite: '1' });
    simulator.faults.hang = false;
    const { prompt_id } = waiting.json as { prompt_id: string };
    await socket.ended(prompt_id);
    expect(busy.status).toBe(200);
    const shown = await view(simulator, outputOf(socket, prompt_id)['images']?.[0]);
    expect([shown.readUInt32BE(16), shown.readUInt32BE(20)]).toEqual([30, 60]);
    expect(distance(await middle(shown), { r: 255 - 0x20, g: 255 - 0x40, b: 255 - 0xc0 })).toBeLessThan(10);
  });

  it('fails in the node for bytes that are no image, or a file that is gone by then', async () => {
    await upload(simulator, { type: 'temp', name: 'soup.png', bytes: Buffer.from('soup') });
    const error = (id: string) => socket.of(id).find(({ type }) => type === 'execution_error')?.data;
    const id = await run(simulator, socket, inverted('soup.png [temp]'));
    expect(error(id)).toMatchObject({ node_id: '1', exception_type: 'PIL.UnidentifiedImageError' });
    simulator.faults.hang = true;
    await upload(simulator, { name: 'a.png', bytes: await png() });
    await call(simulator, 'POST', '/prompt', { prompt: cutOut('a.png') });
    const prompt = inverted('soup.png [temp]');
    const lost = await call(simulator, 'POST', '/prompt', { client_id: 'me', prompt });
    simulator.folders.empty('temp');
    simulator.faults.hang = false;
    const { prompt_id } = lost.json as { prompt_id: string };
    await socket.ended(prompt_id);
    expect(error(prompt_id)).toMatchObject({ exception_type: 'FileNotFoundError' });
  });

  it('gives alpha as an inverted mask', async () => {
    await upload(simulator, { name: 'disc.png', bytes: await transparentPng(32) });
    const id = await run(simulator, socket, {
      '1': { class_type: 'LoadImage', inputs: { image: 'disc.png [input]' } },
      '2': { class_type: 'MaskToImage', inputs: { mask: ['1', 1] } },
      '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
    });
    const mask = await view(simulator, outputOf(socket, id)['images']?.[0]);
    expect(await middle(mask)).toMatchObject({ r: 0, g: 0, b: 0 });
  });
});

describe('PreviewImage and SaveImage', () => {
  const nameOf = (id: string) => {
    const [image] = outputOf(socket, id)['images'] ?? [];
    return (image as { filename: string }).filename;
  };

  beforeEach(async () => {
    await upload(simulator, { type: 'temp', name: 'a.png', bytes: await png() });
  });

  it('run anew for an input that they do not know, and nothing before them does', async () => {
    const first = await run(simulator, socket, inverted('a.png [temp]', { job: 'one' }));
    const second = await run(simulator, socket, inverted('a.png [temp]', { job: 'two' }));
    expect(socket.of(second)[1]?.data['nodes']).toEqual(['1', '2']);
    expect(nameOf(first)).toMatch(/^ComfyUI_temp_[a-z]{5}_00001_\.png$/);
    expect(nameOf(second)).toBe(nameOf(first).replace('00001', '00002'));
    expect(simulator.executions).toEqual([first, second]);
  });

  it('keep their letters as long as prompts have the node, and take numbers that are free again', async () => {
    const first = nameOf(await run(simulator, socket, inverted('a.png [temp]', { job: '1' })));
    simulator.folders.remove({ type: 'temp', subfolder: '', filename: first });
    expect(nameOf(await run(simulator, socket, inverted('a.png [temp]', { job: '2' })))).toBe(first);
    const { '3': node, ...rest } = inverted('a.png [temp]');
    await run(simulator, socket, { ...rest, other: node });
    const later = nameOf(await run(simulator, socket, inverted('a.png [temp]', { job: '3' })));
    expect(later.slice(0, 18)).not.toBe(first.slice(0, 18));
    const save = { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'sub/out' } };
    const place = { type: 'output', subfolder: 'sub', filename: 'out_00041_.png' } as const;
    simulator.folders.write(place, Buffer.from('x'));
    const saved = await run(simulator, socket, { ...rest, '3': save });
    expect(outputOf(socket, saved)['images']).toEqual([
      { type: 'output', subfolder: 'sub', filename: 'out_00042_.png' },
    ]);
  });

  it('write the prompt and the extra entries into the file, as Python writes JSON', async () => {
    const prompt = inverted('a.png [temp]', { job: 'é' });
    const extra_data = { extra_pnginfo: { workflow: { nodes: [] } } };
    const id = await run(simulator, socket, prompt, { extra_data });
    const chunks = textChunks(await view(simulator, outputOf(socket, id)['images']?.[0]));
    expect([...chunks.keys()]).toEqual(['prompt', 'workflow']);
    expect(chunks.get('prompt')).toContain('"inputs": {"images": ["2", 0], "job": "\\u00e9"}');
    expect(JSON.parse(chunks.get('prompt') ?? '')).toMatchObject(prompt);
    expect(chunks.get('workflow')).toBe('{"nodes": []}');
    expect((await entryOf(simulator, id))['prompt']).toEqual([
      0,
      id,
      prompt,
      { ...extra_data, client_id: 'me', create_time: expect.any(Number) },
      ['3'],
    ]);
  });
});

describe('videos and sounds', () => {
  const prompt = {
    '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } },
    '2': {
      class_type: 'SaveWEBM',
      inputs: { images: ['1', 0], filename_prefix: 'w', codec: 'vp9', fps: 24, crf: 32 },
    },
    '3': { class_type: 'CreateVideo', inputs: { images: ['1', 0], fps: 8 } },
    '4': {
      class_type: 'SaveVideo',
      inputs: { video: ['3', 0], filename_prefix: 'v', format: 'auto', codec: 'auto' },
    },
    '5': { class_type: 'EmptyAudio', inputs: { duration: 1, sample_rate: 8000, channels: 1 } },
    '6': { class_type: 'SaveAudio', inputs: { audio: ['5', 0], filename_prefix: 's' } },
  };

  it.each([
    [true, '"class_type": "SaveAudio"', { extra_pnginfo: { workflow: { nodes: [] } } }],
    [false, undefined, {}],
  ])('have the prompt in them, unless metadata are off: %s', async (hasMetadata, text, extra_data) => {
    const machine = await startSimulator({ disableMetadata: !hasMetadata });
    try {
      const listener = await FrameRecorder.open(machine, 'me');
      await upload(machine, { name: 'a.png', bytes: await png() });
      const id = await run(machine, listener, prompt, { extra_data });
      for (const [node, key] of [
        ['2', 'images'],
        ['4', 'images'],
        ['6', 'audio'],
      ] as const) {
        const file = await view(machine, outputOf(listener, id, node)[key]?.[0]);
        expect(file.includes(text ?? 'class_type')).toBe(hasMetadata);
        expect(file.includes('{"nodes": []}')).toBe(hasMetadata);
      }
    } finally {
      await machine.stop();
    }
  });
});

describe('options', () => {
  it('can leave metadata out, and say so', async () => {
    const plain = await startSimulator({ disableMetadata: true });
    try {
      const listener = await FrameRecorder.open(plain, 'me');
      await upload(plain, { name: 'a.png', bytes: await png() });
      const id = await run(plain, listener, inverted('a.png'));
      const file = await view(plain, outputOf(listener, id)['images']?.[0]);
      expect(textChunks(file).size).toBe(0);
      expect((await call(plain, 'GET', '/system_stats')).json).toHaveProperty('system.argv', [
        'main.py',
        '--disable-metadata',
      ]);
    } finally {
      await plain.stop();
    }
  });

  it('can hand files on as they came', async () => {
    const echo = await startSimulator({ isEcho: true });
    try {
      const listener = await FrameRecorder.open(echo, 'me');
      const bytes = Buffer.from('no image at all');
      await upload(echo, { type: 'temp', name: 'a.png', bytes });
      const id = await run(echo, listener, {
        '1': { class_type: 'LoadImage', inputs: { image: 'a.png [temp]' } },
        '3': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
      });
      expect(await view(echo, outputOf(listener, id)['images']?.[0])).toEqual(bytes);
    } finally {
      await echo.stop();
    }
  });

  it('can share folders, of which the temp folder is emptied by every start', async () => {
    const other = await startSimulator({ folders: simulator.folders });
    try {
      await upload(simulator, { type: 'temp', name: 'a.png', bytes: await png() });
      await upload(simulator, { name: 'b.png', bytes: await png() });
      const listener = await FrameRecorder.open(other, 'me');
      const id = await run(other, listener, inverted('a.png [temp]'));
      const place = outputOf(listener, id)['images']?.[0];
      expect(await view(simulator, place)).toEqual(await view(other, place));
      await other.restart();
      await expect(view(simulator, place)).rejects.toThrow('404');
      expect(simulator.folders.names('input')).toEqual(['b.png']);
    } finally {
      await other.stop();
    }
  });
});
