import { z } from 'zod';
import { type GraphFile, graphOf } from '../../src/workflows/graph.js';
import { defineWorkflow, type FileInput, type FileKind, type Workflow } from '../../src/workflows/types.js';

/** The arguments with which a graph was built. */
export interface Built {
  readonly files: ReadonlyMap<string, GraphFile>;
  readonly parameters: Readonly<Record<string, unknown>>;
}

const digits = z.string().regex(/^\d+$/, 'must be a whole number');

/** A text, a number and a seed, as a manifest declares them. */
const PARAMETERS = z.object({
  prompt: z.string({ error: 'must be a text' }).optional().meta({ 'x-kind': 'text' }),
  steps: digits.transform(Number).optional().meta({ 'x-kind': 'integer' }),
  seed: digits.optional().meta({ 'x-kind': 'seed', minimum: 0, maximum: 2 ** 64 }),
});

const input = (name: string, kind: FileKind, required: boolean): FileInput => ({ name, kind, required });

/** Workflows with files of all kinds. Their graphs make a small image; the arguments are recorded. */
export class RecordingWorkflows {
  /** In the order in which the graphs were built. */
  readonly built: Built[] = [];

  /** `collage` takes one image and optional other files, `pair` two images, `sing` an audio file, `dream` no file. */
  readonly all: readonly Workflow[] = [
    this.#workflow('collage', [
      input('clip', 'video', false),
      input('photo', 'image', true),
      input('mask', 'mask', false),
      input('voice', 'audio', false),
      input('notes', 'file', false),
    ]),
    this.#workflow('pair', [input('left', 'image', true), input('right', 'image', true)]),
    this.#workflow('sing', [input('voice', 'audio', true)]),
    this.#workflow('dream', []),
  ];

  #workflow(type: string, files: readonly FileInput[]): Workflow {
    return defineWorkflow({
      type,
      title: type,
      description: 'For tests.',
      estimateSeconds: 1,
      files,
      parameters: PARAMETERS,
      outputs: [{ name: 'image', nodeId: '2' }],
      isBuiltIn: false,
      requires: { nodes: ['EmptyImage', 'PreviewImage'], models: [] },
      build: (given, parameters) => {
        this.built.push({ files: given, parameters });
        const inputs = { width: 8, height: 8, batch_size: 1, color: this.built.length };
        return graphOf({
          '1': { class_type: 'EmptyImage', inputs },
          '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
        });
      },
    });
  }
}
