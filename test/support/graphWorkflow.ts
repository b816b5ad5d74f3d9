import { z } from 'zod';
import { graphOf, type PromptGraph } from '../../src/workflows/graph.js';
import { defineWorkflow, type FileInput, type Workflow } from '../../src/workflows/types.js';

type Files = Parameters<Workflow['build']>[0];

interface GraphWorkflow {
  readonly files?: readonly FileInput[];
  /** Ids of output nodes by the names of the outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly build: (files: Files) => Parameters<typeof graphOf>[0] | PromptGraph;
}

/** A workflow that returns the outputs of its graph unchanged, like an exported one. */
export function graphWorkflow(type: string, { files = [], outputs, build }: GraphWorkflow): Workflow {
  return defineWorkflow({
    type,
    title: type,
    description: `The graph ${type}.`,
    estimateSeconds: 1,
    files,
    parameters: z.object({}),
    outputs: Object.entries(outputs).map(([name, nodeId]) => ({ name, nodeId })),
    isBuiltIn: false,
    build: (given) => {
      const graph = build(given);
      return graph instanceof Map ? graph : graphOf(graph as Parameters<typeof graphOf>[0]);
    },
    requires: { nodes: [], models: [] },
  });
}

/** The file of this name that the client sent. */
export function fileOf(files: Files, name: string) {
  const file = files.get(name);
  if (!file) throw new Error(`there is no file ${name}`);
  return file;
}
