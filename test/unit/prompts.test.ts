import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { outputItems } from '../../src/services/comfyui/outputItems.js';
import { ownOutputs, workflowNodeId } from '../../src/services/comfyui/ownOutputs.js';
import { encodePromptBody, filesOf } from '../../src/services/comfyui/promptBody.js';
import { outcomeOfHistory, PromptTracker } from '../../src/services/comfyui/promptTracker.js';
import { historyAnswer, type PromptMessage, parseFrame } from '../../src/services/comfyui/protocol.js';
import { isAnimated, keepImage } from '../../src/services/images/keepImage.js';
import { isBroken, natureOf } from '../../src/services/jobs/outputKind.js';
import { NumberText } from '../../src/utils/losslessJson.js';
import { GraphFile, graphOf } from '../../src/workflows/graph.js';
import { withChunks } from '../support/imageFiles.js';
import { png } from '../support/pictures.js';

const MARK = '6b1f0a4e-5a43-4c0e-9d7e-0d2f6f0a1b2c';
const IDS = { clientId: 'c', promptId: 'p', serverId: 's' };

describe('the body of a prompt', () => {
  it('has every number, key and value as the graph has it, in its order', () => {
    const graph = new Map([
      ['10', { classType: 'B', inputs: new Map([['seed', new NumberText('18446744073709551615')]]) }],
      [
        '9',
        {
          classType: 'A',
          inputs: new Map(),
          others: new Map([['_meta', new Map([['title', '\u2063 größer']])]]),
        },
      ],
    ]);
    const text = encodePromptBody({ graph, files: new Map(), ...IDS }).toString();
    expect(text).toBe(
      '{"prompt":{"10":{"inputs":{"seed":18446744073709551615},"class_type":"B"},' +
        '"9":{"inputs":{},"class_type":"A","_meta":{"title":"\u2063 größer"}}},' +
        '"client_id":"c","prompt_id":"p","extra_data":{"comfyui_express":"s"}}',
    );
  });

  it('has files as the names that they were uploaded under, and the others as base64', () => {
    const [one, two, three] = ['ä', 'bb', ''].map((text) => new GraphFile(Buffer.from(text), 'png')) as [
      GraphFile,
      GraphFile,
      GraphFile,
    ];
    const graph = graphOf({
      '1': { class_type: 'L', inputs: { a: one, b: two, again: one, text: 'ü' } },
      '2': { class_type: 'L', inputs: { c: three } },
    });
    expect(filesOf(graph)).toEqual([one, two, three]);
    const body = JSON.parse(
      encodePromptBody({ graph, files: new Map([[two, 'two.png [temp]']]), ...IDS }).toString(),
    );
    const base64 = one.bytes.toString('base64');
    expect(body.prompt['1'].inputs).toEqual({ a: base64, b: 'two.png [temp]', again: base64, text: 'ü' });
    expect(body.prompt['2'].inputs).toEqual({ c: '' });
  });
});

describe('output nodes of a prompt', () => {
  const graph = graphOf({
    '1': { class_type: 'Load', inputs: { image: 'x' } },
    '5:2': { class_type: 'PreviewBridge', inputs: { images: ['1', 0], comfyui_express_job: 'its own' } },
    '3': { class_type: 'Save', inputs: { images: ['5:2', 1], other: ['1', 0], list: ['5:2', 'x'] } },
  });

  it('are marked and get ids of their own, which links follow', () => {
    const owned = ownOutputs(graph, ['3', '5:2'], MARK);
    expect(owned.outputNodes).toEqual([`3-${MARK}`, `5:2-${MARK}`]);
    expect([...owned.graph.keys()]).toEqual(['1', `3-${MARK}`, `5:2-${MARK}`]);
    expect(owned.graph.get('1')).toBe(graph.get('1'));
    expect(Object.fromEntries(owned.graph.get(`5:2-${MARK}`)?.inputs ?? [])).toEqual({
      images: ['1', 0],
      comfyui_express_job: 'its own',
      comfyui_express_job_: MARK,
    });
    expect(Object.fromEntries(owned.graph.get(`3-${MARK}`)?.inputs ?? [])).toEqual({
      images: [`5:2-${MARK}`, 1],
      other: ['1', 0],
      list: ['5:2', 'x'],
      comfyui_express_job: MARK,
    });
    expect(owned.outputNodes.map(workflowNodeId)).toEqual(['3', '5:2']);
  });

  it('must be in the graph', () => {
    expect(() => ownOutputs(graph, ['3', '4'], MARK)).toThrow('no node 4');
  });

  it.each([
    ['🖼'.repeat(51), '🖼'.repeat(50)],
    [`sub/${'é'.repeat(99)}${'x'.repeat(3)}`, `sub/${'é'.repeat(99)}xx`],
    ['../a..b/c...d', '../a..b/c.d'],
    [`${'x'.repeat(300)}/y`, `${'x'.repeat(300)}/y`],
    ['dir/', 'dir'],
    ['a//./dir/./', 'a/dir'],
    ['/', '/'],
  ])('get file names that ComfyUI can write and serve: %s', (filename_prefix, kept) => {
    const saver = graphOf({ '3': { class_type: 'Save', inputs: { filename_prefix } } });
    const node = ownOutputs(saver, ['3'], MARK).graph.get(`3-${MARK}`);
    expect(node?.inputs.get('filename_prefix')).toBe(`${kept}-${MARK}`);
  });
});

const file = (filename: string, subfolder = '', type = 'output', key = 'images') => ({
  key,
  kind: 'file',
  file: { filename, subfolder, type },
});

describe('what a node tells that it made', () => {
  it.each<[string, unknown, unknown[]]>([
    [
      'files under any key',
      { a_images: [{ filename: 'a.png' }], '3d': [{ filename: 'b.glb', type: 'temp' }] },
      [file('a.png', '', 'output', 'a_images'), file('b.glb', '', 'temp', '3d')],
    ],
    [
      'one file under two keys',
      { images: [{ filename: 'a.png', subfolder: 's' }], gifs: [{ filename: 'a.png', subfolder: 's' }] },
      [file('a.png', 's')],
    ],
    [
      'odd items between good ones',
      { images: [{ source: 'websocket' }, null, 7, { filename: 'a.png' }, { filename: '' }] },
      [file('a.png')],
    ],
    [
      'lists in lists',
      { images: [[{ filename: 'a.png' }], [{ filename: 'b.png' }]] },
      [file('a.png'), file('b.png')],
    ],
    ['one file that is no list', { video: { filename: 'a.mp4' } }, [file('a.mp4', '', 'output', 'video')]],
    ['a text', { text: 'one' }, [{ key: 'text', kind: 'text', text: 'one' }]],
    [
      'texts',
      { text: ['one', ['two']], animated: [true] },
      ['one', 'two'].map((text) => ({ key: 'text', kind: 'text', text })),
    ],
    ['strings that are no results', { bg_image: ['x'], mode: 'fast' }, []],
    ['a name that is too long', { images: [{ filename: 'x'.repeat(501) }] }, []],
    ['nothing', null, []],
    ['no object', 'soup', []],
  ])('is read: %s', (_what, output, items) => {
    expect(outputItems(output)).toEqual(items);
  });
});

describe('outputs of a prompt', () => {
  const ids = { a: `2-${MARK}`, b: `3-${MARK}` };
  const graph = graphOf({
    '1': { class_type: 'Load', inputs: {} },
    [ids.a]: { class_type: 'Expand', inputs: {} },
    [ids.b]: { class_type: 'Save', inputs: {} },
  });
  const message = (type: string, data: object): PromptMessage => {
    const frame = parseFrame(JSON.stringify({ type, data: { prompt_id: 'p', ...data } }));
    if (frame.kind !== 'message') throw new Error(`no message: ${type}`);
    return frame.message;
  };
  const executed = (node: string, display_node: string, filename: string) =>
    message('executed', { node, display_node, output: { images: [{ filename }] } });

  it('are gathered from messages by the node that others run in place of', () => {
    const tracker = new PromptTracker(graph, [ids.a, ids.b]);
    tracker.accept(executed(`${ids.a}.0.0.2`, ids.a, 'x.png'));
    tracker.accept(executed('1', '1', 'step.png'));
    tracker.accept(executed(`${ids.a}.0.0.3`, ids.a, 'y.png'));
    tracker.accept(executed(ids.b, ids.b, 'z.png'));
    expect(tracker.outcome).toBeUndefined();
    tracker.accept(message('execution_success', {}));
    expect(tracker.outcome).toEqual({
      kind: 'succeeded',
      made: new Map([
        [ids.a, [file('x.png'), file('y.png')]],
        [ids.b, [file('z.png')]],
      ]),
    });
  });

  it('are asked for where one was not heard of, or messages may be missing', () => {
    const partly = new PromptTracker(graph, [ids.a, ids.b]);
    partly.accept(executed(ids.b, ids.b, 'z.png'));
    const gaps = new PromptTracker(graph, [ids.b]);
    gaps.hasGaps = true;
    gaps.accept(executed(ids.b, ids.b, 'z.png'));
    for (const tracker of [partly, gaps]) {
      tracker.accept(message('executing', { node: null }));
      expect(tracker.outcome).toEqual({ kind: 'ask-history' });
    }
  });

  it('show the node of the prompt while others run in its place', () => {
    const tracker = new PromptTracker(graph, [ids.b]);
    tracker.accept(message('executing', { node: ids.a, display_node: ids.a }));
    tracker.accept(message('executing', { node: `${ids.a}.0.0.1`, display_node: ids.a }));
    expect(tracker.progress).toEqual({ percentage: 0, node: { id: ids.a, classType: 'Expand' } });
    const running = { value: 1, max: 1, state: 'running', display_node_id: ids.a };
    tracker.accept(message('progress_state', { nodes: { [`${ids.a}.0.0.2`]: running } }));
    expect(tracker.progress.percentage).toBe(0);
  });

  it('are read from the history, also where it tells of a node that an earlier prompt had', () => {
    const [entry] = Object.values(
      historyAnswer.parse({
        p: {
          outputs: {
            [ids.b]: { images: [{ filename: 'z.png' }] },
            [`${ids.a}.0.0.2`]: { images: [{ filename: 'x.png' }] },
            '1': { images: [{ filename: 'step.png' }] },
            odd: 7,
          },
          meta: { [ids.b]: { display_node: '7' }, [`${ids.a}.0.0.2`]: { display_node: ids.a }, odd: null },
        },
      }),
    );
    if (!entry) throw new Error('there is no entry');
    expect(outcomeOfHistory(entry, [ids.a, ids.b], new PromptTracker(graph, [ids.a, ids.b]))).toEqual({
      kind: 'succeeded',
      made: new Map([
        [ids.a, [file('x.png')]],
        [ids.b, [file('z.png')]],
      ]),
    });
  });
});

describe('the kind of a file', () => {
  const safetensors = (header: string) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, Buffer.from(header), Buffer.from([0xff, 0, 0xfe])]);
  };
  const mp4 = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1');

  it.each<[string, string, string, string, Buffer | Promise<Buffer>]>([
    ['image', 'image/png', 'png', 'a.mp4', png()],
    ['image', 'image/gif', 'gif', 'a', Buffer.from('GIF89a\x01\0\x01\0\0\0\0', 'latin1')],
    ['video', 'video/mp4', 'mp4', 'a.png', mp4],
    ['audio', 'audio/flac', 'flac', 'a.bin', Buffer.from('fLaC\0\0\0\x22', 'latin1')],
    ['file', 'model/gltf-binary', 'glb', 'a.glb', Buffer.from('glTF\x02\0\0\0', 'latin1')],
    ['latent', 'application/octet-stream', 'latent', 'a.latent', safetensors('{"latent_tensor":{}}')],
    ['latent', 'application/octet-stream', 'latent', 'a.dat', safetensors('{"latent_tensor":{}}')],
    ['file', 'application/octet-stream', 'safetensors', 'lora.safetensors', safetensors('{"lora":{}}')],
    ['text', 'text/plain', 'json', 'a.JSON', Buffer.from('{"größe":1}')],
    ['text', 'text/plain', 'html', 'a.html', Buffer.from('<script>alert(1)</script>')],
    ['text', 'text/plain', 'txt', 'no ending', Buffer.from('')],
    ['file', 'application/octet-stream', 'txt', 'a.txt', Buffer.from([0xc3, 0x28])],
    ['image', 'image/gif', 'gif', 'broken.gif', Buffer.from('GIF89a')],
    ['file', 'application/pdf', 'pdf', 'a', Buffer.from('%PDF-1.4 of nothing but letters')],
    ['file', 'model/stl', 'stl', 'a.stl', Buffer.from('solid cube')],
    ['file', 'application/xml', 'xml', 'a.xml', Buffer.from('<?xml version="1.0"?><a/>')],
    ['file', 'text/vtt', 'vtt', 'a.vtt', Buffer.from('WEBVTT\n')],
    ['audio', 'audio/midi', 'mid', 'a.txt', Buffer.from('MThd\0\0\0\x06\0\x01', 'latin1')],
    ['file', 'application/octet-stream', 'bin', 'a', Buffer.from('a\0b')],
  ])('is %s (%s) with the ending %s: %s', async (kind, mimeType, extension, filename, bytes) => {
    expect(await natureOf(await bytes, filename)).toEqual({ kind, mimeType, extension });
  });
});

describe('a text', () => {
  const BEGINNINGS = ['GIF of a cat', 'BMW on a street', '8BPS', 'MP+', 'MAC picture', '%PDF is a format'];
  BEGINNINGS.push('solid cube', 'FWS', 'MZ is a pair of letters', 'MThd', 'ID3 tags', 'PK', 'fLaC', 'OTTO');

  it.each(BEGINNINGS)('is one by its name, although a binary format begins like it: %s', async (text) => {
    for (const extension of ['txt', 'json', 'csv', 'md', 'jsonl', 'srt', 'html']) {
      const expected = { kind: 'text', mimeType: 'text/plain', extension };
      expect(await natureOf(Buffer.from(text), `caption.${extension}`)).toEqual(expected);
    }
  });

  it.each(['GIF of a cat', 'BMW on a street', '8BPS', 'MThd', 'ID3 tags', 'fLaC', 'MP+'])(
    'is one under any name that does not name a picture, video or sound of that type: %s',
    async (text) => {
      for (const filename of ['caption', 'caption.png', 'caption.dat']) {
        expect(await natureOf(Buffer.from(text), filename)).toMatchObject({ kind: 'text' });
      }
    },
  );
});

describe('a file with a text', () => {
  const isBrokenAs = async (filename: string, text = '<!DOCTYPE html><p>Sign in.</p>') => {
    const bytes = Buffer.from(text);
    return isBroken(filename, await natureOf(bytes, filename), bytes.length);
  };

  it.each(['a.png', 'a.PNG', 'a.psd', 'a.mp4', 'a.mkv', 'a.flac', 'a.latent', 'a.glb', 'a.safetensors'])(
    'is broken if its name says something else: %s',
    async (filename) => {
      expect(await isBrokenAs(filename)).toBe(true);
      expect(await isBrokenAs(filename, '<?xml version="1.0"?><html/>')).toBe(true);
      expect(await isBrokenAs(filename, '')).toBe(true);
    },
  );

  it.each([
    'a',
    'a.txt',
    'a.html',
    'a.svg',
    'a.dxf',
    'a.ppm',
    'a.m3u',
    'a.ts',
    'a.obj',
    'a.gltf',
    'a.stl',
    'a.ply',
  ])('may have this name: %s', async (filename) => {
    expect(await isBrokenAs(filename)).toBe(false);
  });
});

describe('an image that is handed on', () => {
  const limits = 48 * 32;

  it('loses its texts and nothing else, also where it moves', async () => {
    const plain = await png();
    const text: [string, Buffer] = ['tEXt', Buffer.from('prompt\0{"1":{"class_type":"x"}}')];
    const control: [string, Buffer] = ['acTL', Buffer.from('0000000100000000', 'hex')];
    const moving = withChunks(plain, 'IDAT', control);
    expect([isAnimated(plain), isAnimated(moving)]).toEqual([false, true]);
    expect(await keepImage(withChunks(moving, 'IEND', text), limits)).toEqual({
      bytes: moving,
      width: 48,
      height: 32,
    });
    expect((await keepImage(withChunks(plain, 'IDAT', text), limits)).bytes.toString('latin1')).not.toContain(
      'class_type',
    );
    expect((await keepImage(moving, limits)).bytes).toBe(moving);
  });

  it.each(['jpeg', 'webp', 'gif'] as const)(
    'stays as it is, within the limit on pixels: %s',
    async (format) => {
      const bytes = await sharp(await png())
        .toFormat(format)
        .toBuffer();
      expect(isAnimated(bytes)).toBe(format === 'gif');
      expect(await keepImage(bytes, limits)).toEqual({ bytes, width: 48, height: 32 });
      await expect(keepImage(bytes, limits - 1)).rejects.toMatchObject({ failure: 'result too large' });
      await expect(keepImage(bytes.subarray(0, 20), limits)).rejects.toMatchObject({
        failure: 'unreadable result',
      });
    },
  );

  it('is known to move where it is an animated WebP', async () => {
    const raw = { width: 8, height: 16, channels: 3 as const, pageHeight: 8 };
    const webp = await sharp(Buffer.from(Array.from({ length: 384 }, (_, n) => n % 251)), { raw })
      .webp()
      .toBuffer();
    expect(isAnimated(webp)).toBe(true);
    expect(await keepImage(webp, 64)).toEqual({ bytes: webp, width: 8, height: 8 });
  });
});
