import { describe, expect, it } from 'vitest';
import { detailedOutputs, summaryOf } from '../../src/services/native/jobOutputs.js';
import { type Json, jsonOf, plainJson } from '../../src/utils/losslessJson.js';

const outputsOf = (outputs: object) => jsonOf(outputs) as ReadonlyMap<string, Json>;

function summary(outputs: object): unknown {
  const { count, previewable, preview } = summaryOf(outputsOf(outputs));
  return {
    count,
    previewable,
    preview: preview === undefined ? undefined : { ...(plainJson(preview) as object) },
  };
}

const image = (type: string) => ({ filename: `${type}.png`, subfolder: '', type });
const note = { filename: 'note.MD', subfolder: '', type: 'output' };

describe('the preview of a job', () => {
  it.each([
    [
      'a saved picture before all else',
      { 1: { text: ['t'], files: [note] }, 2: { images: [image('temp'), image('output')] } },
      'output.png',
    ],
    [
      'a temporary picture before a text file',
      { 1: { files: [note] }, 2: { images: [image('temp')] } },
      'temp.png',
    ],
    ['a text file before a text', { 1: { text: ['t'] }, 2: { files: [note] } }, 'note.MD'],
    [
      'a video by its format',
      { 1: { gifs: [{ ...image('output'), format: 'video/h264-mp4' }] } },
      'output.png',
    ],
    ['a 3D model of which only the name is known', { 1: { result: ['mesh.GLB', null] } }, 'mesh.GLB'],
    [
      'nothing for a file that cannot be shown',
      { 1: { latents: [{ ...image('output'), filename: 'a.latent' }] } },
      undefined,
    ],
    ['nothing for flags', { 1: { animated: [true], other: ['mesh'], odd: 'x' }, 2: 'odd' }, undefined],
  ])('is %s', (_what, outputs, filename) => {
    const { preview } = summary(outputs) as { preview: { filename?: string } | undefined };
    expect(preview?.filename).toBe(filename);
  });

  it('keeps the fields of its item', () => {
    expect(summary({ 7: { result: ['a.obj'] } })).toEqual({
      count: 1,
      previewable: 1,
      preview: { filename: 'a.obj', type: 'output', subfolder: '', mediaType: '3d', nodeId: '7' },
    });
    expect(summary({ 7: { text: [['in a list', 1]] } })).toEqual({
      count: 0,
      previewable: 0,
      preview: { content: 'in a list', nodeId: '7', mediaType: 'text' },
    });
  });

  it.each([1024, 1025])('has the first 1024 characters of a text of %i', (length) => {
    const { preview } = summary({ 1: { text: ['😀'.repeat(length)] } }) as {
      preview: Record<string, unknown>;
    };
    expect(preview['content']).toBe('😀'.repeat(1024));
    expect(preview['truncated']).toBe(length > 1024 ? true : undefined);
  });
});

it('the details of a job have 3D models as files, and no empty items', () => {
  const outputs = { 1: { result: ['a.stl', 'b.usdz', null, 3], animated: [null], text: ['t'] }, 2: null };
  expect(plainJson(detailedOutputs(outputsOf(outputs)))).toEqual({
    1: {
      result: ['a.stl', { filename: 'b.usdz', type: 'output', subfolder: '', mediaType: '3d' }, 3],
      animated: [null],
      text: ['t'],
    },
    2: null,
  });
});
