import { expect } from 'vitest';
import type { NativeMessage } from './NativeClient.js';
import type { NativeReplay } from './NativeReplay.js';

/** Messages when a prompt starts: the queue grows, and the prompt leaves it. */
export const beginning = ['status', 'status', 'execution_start', 'execution_cached'];

/** Messages when a prompt succeeds. */
export const ending = ['execution_success', 'status', 'executing null'];

/** Messages of a running node. */
export const node = (id: string) => ['progress_state', `executing ${id}`, 'progress_state'];

/** Messages of a running output node. */
export const saver = (id: string) => [
  'progress_state',
  `executing ${id}`,
  `executed ${id}`,
  'progress_state',
];

const ABOUT_NODE = ['display_node_id', 'node_id', 'parent_node_id', 'prompt_id', 'real_node_id'];

/** Fields of each message, in alphabetical order. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  feature_flags: ['max_upload_size', 'supports_preview_metadata'],
  status: ['status'],
  execution_start: ['prompt_id', 'timestamp'],
  execution_cached: ['nodes', 'prompt_id', 'timestamp'],
  progress_state: ['nodes', 'prompt_id'],
  progress: ['max', 'node', 'prompt_id', 'value'],
  executing: ['display_node', 'node', 'prompt_id'],
  'executing null': ['node', 'prompt_id'],
  /** For a socket that was opened while the node was running. */
  'executing again': ['node'],
  executed: ['display_node', 'node', 'output', 'prompt_id'],
  execution_success: ['prompt_id', 'timestamp'],
  execution_interrupted: ['executed', 'node_id', 'node_type', 'prompt_id', 'timestamp'],
  execution_error: [
    ...['current_inputs', 'current_outputs', 'exception_message', 'exception_type', 'executed'],
    ...['node_id', 'node_type', 'prompt_id', 'timestamp', 'traceback'],
  ],
};

interface Sides {
  readonly machine: NativeReplay;
  readonly server: NativeReplay;
}

/** Expects every message of both sides to have the fields of the recordings. */
export function expectMessageFields({ machine, server }: Sides): void {
  for (const message of [...machine.messages, ...server.messages]) {
    const { type, data } = message;
    const fields = Object.keys(data).sort();
    expect(fields, type).toEqual(recordedFields(message));
    if (type === 'status')
      expect(data['status']).toEqual({ exec_info: { queue_remaining: expect.any(Number) } });
    if (type !== 'progress_state') continue;
    for (const state of Object.values(data['nodes'] as Record<string, object>)) {
      expect(Object.keys(state).sort()).toEqual([...ABOUT_NODE, 'max', 'state', 'value'].sort());
    }
  }
}

function recordedFields({ type, data }: NativeMessage): readonly string[] | undefined {
  if (type === 'status' && 'sid' in data) return ['sid', 'status'];
  if (type === 'executing' && data['node'] === null) return FIELDS['executing null'];
  if (type === 'executing' && !('prompt_id' in data)) return FIELDS['executing again'];
  if (type === 'execution_error' && data['exception_type'] === 'ExecutionBlocked') {
    return FIELDS['execution_error']?.filter((field) => field !== 'timestamp');
  }
  return FIELDS[type];
}

/**
 * Expects both sides to send the same, apart from ids, times and queue lengths.
 * @param sockets to compare message by message
 * @param differing numbers of the responses that are not compared
 */
export function expectSame(
  sides: Sides,
  sockets: readonly string[],
  differing: readonly number[] = [],
): void {
  const { machine, server } = sides;
  expectMessageFields(sides);
  for (const name of sockets) {
    expect(server.heard(name)).toEqual(machine.heard(name));
    expect(server.heardShapes(name)).toEqual(machine.heardShapes(name));
  }
  const compared = (answers: readonly unknown[]) => answers.filter((_answer, n) => !differing.includes(n));
  expect(compared(server.answerShapes)).toEqual(compared(machine.answerShapes));
}
