import path from 'node:path';
import { checkResults } from './checkManifest.js';
import { deriveManifest } from './deriveManifest.js';
import { type FileWorkflow, fileWorkflow } from './fileWorkflow.js';
import { readText, type WorkflowFiles } from './folderFiles.js';
import { MAX_MANIFEST_LENGTH, readManifest } from './manifestText.js';
import type { NodeLookup } from './nodeInfo.js';
import { MAX_GRAPH_LENGTH, readGraph } from './readGraph.js';
import { checkType } from './workflowType.js';

/** Where workflows are loaded from, and their context. */
export interface LoadOptions {
  readonly directory: string;
  /** Types of the built-in workflows. */
  readonly builtIn: ReadonlySet<string>;
  readonly infoOf: NodeLookup;
}

/** A workflow, or the file that is invalid, and the reason. */
type Loaded = { readonly workflow: FileWorkflow } | { readonly file: string; readonly error: unknown };

/** Reads a workflow's files. Never rejects. */
export async function loadWorkflow(files: WorkflowFiles, options: LoadOptions): Promise<Loaded> {
  let file = files.graph;
  try {
    checkType(files.type, options.builtIn);
    const graph = readGraph(await readText(path.join(options.directory, file), MAX_GRAPH_LENGTH));
    file = files.manifest ?? file;
    const manifest =
      files.manifest === undefined
        ? deriveManifest(graph)
        : readManifest(await readText(path.join(options.directory, file), MAX_MANIFEST_LENGTH));
    const workflow = fileWorkflow(files.type, graph, manifest, options.infoOf);
    checkResults(graph, manifest);
    return { workflow };
  } catch (error) {
    return { file, error };
  }
}
