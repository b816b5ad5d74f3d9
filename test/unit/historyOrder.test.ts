import { expect, it } from 'vitest';
import { inOrder } from '../../src/services/comfyui/historyOrder.js';

const LOOP = ['5', '6.0.0.5', '6.0.0.6.0.0.5', '6.0.0.6.0.0.6.0.0.5'];
const MANY = ['4.0.0.2', '4.0.0.9', '4.0.0.10', '4.0.1.1', '10.0.0.1'];

it.each<[string, string[], string[], string[]]>([
  ['their messages', MANY, [...MANY].reverse(), [...MANY].reverse()],
  ['their numbers, without messages', MANY, [], MANY],
  ['the rounds of a loop, without messages', LOOP, [], LOOP],
  ['the rounds of a loop, of which the first ones were missed', LOOP, LOOP.slice(2), LOOP],
  ['the rounds of a loop, of which one was missed', LOOP, [LOOP[0], LOOP[1], LOOP[3]] as string[], LOOP],
  ['their messages, among others', MANY, ['7', ...MANY, '8'], MANY],
])('the nodes of a history are in the order of %s', (_order, nodes, heard, expected) => {
  for (const given of [nodes, nodes.toReversed(), nodes.toSorted()]) {
    expect(inOrder(given, new Set(heard))).toEqual(expected);
  }
});
