import { NumberText } from '../utils/losslessJson.js';
import { NodeException } from './NodeException.js';

const FRAMES = [
  [
    'execution.py',
    496,
    'execute',
    'output_data, output_ui, has_subgraph, has_pending_tasks = await get_output_data(prompt_id, unique_id, obj, input_data_all)',
  ],
  [
    'execution.py',
    315,
    'get_output_data',
    'return_values = await _async_map_node_over_list(prompt_id, unique_id, obj, input_data_all, obj.FUNCTION)',
  ],
  ['execution.py', 289, '_async_map_node_over_list', 'await process_inputs(input_dict, i)'],
  ['execution.py', 277, 'process_inputs', 'result = f(**inputs)'],
] as const;

const HOME = '/opt/ComfyUI';

/** The content of `execution_error` for an exception. The traceback and the node's inputs contain paths and pixel values. */
export function errorReport(
  error: unknown,
  inputs: Readonly<Record<string, unknown>>,
  nodes: readonly string[],
): Record<string, unknown> {
  return {
    exception_message: error instanceof Error ? error.message : String(error),
    exception_type: error instanceof NodeException ? error.exceptionType : 'RuntimeError',
    traceback: FRAMES.map(([file, line, name, code]) => {
      return `  File "${HOME}/${file}", line ${line}, in ${name}\n    ${code}\n`;
    }),
    current_inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, [shown(value)]])),
    current_outputs: [...nodes].reverse(),
  };
}

/** A value as Python prints it: an image is a tensor, of which only the beginning is printed. */
function shown(value: unknown): unknown {
  if (['string', 'number', 'boolean'].includes(typeof value) || value instanceof NumberText) return value;
  const [image] = Array.isArray(value) ? (value as Array<{ data?: Buffer }>) : [];
  const pixels = [...(image?.data?.subarray(0, 3) ?? [0])].map((one) => (one / 255).toFixed(4));
  return `tensor([[[[${pixels.join(', ')}],\n          ...]]])`;
}
