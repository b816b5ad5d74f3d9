import { z } from 'zod';
import type { NodeInfo, NodeLookup } from './nodeInfo.js';

const inputs = z.record(z.string(), z.array(z.unknown())).optional().catch(undefined);

const nodeInfo = z.object({
  input: z.object({ required: inputs, optional: inputs }).catch({}),
  output_name: z.array(z.unknown()).optional().catch(undefined),
  output_node: z.boolean().optional().catch(undefined),
  display_name: z.string().optional().catch(undefined),
});

const objectInfo = z.record(z.string(), nodeInfo.optional().catch(undefined));

/** Reads the description of one class; undefined if it is none. */
export function readNodeInfo(info: unknown): NodeInfo | undefined {
  return nodeInfo.safeParse(info).data;
}

/**
 * Parses the response of ComfyUI's `GET /object_info`. Unexpected parts count as unknown.
 * @throws ZodError if it is not an object
 */
export function nodeLookup(answer: unknown): NodeLookup {
  const classes = new Map(Object.entries(objectInfo.parse(answer)));
  return (classType) => classes.get(classType);
}
