import type { Json } from '../../utils/losslessJson.js';
import { parseDeepMachineJson } from '../../utils/machineJson.js';

/** Python 3.11 writes no deeper JSON; later versions do. */
const LIMITS = { maxDepth: 1000 };
/** The message, its data, and the output in it. */
const LEVELS = 3;

/** Parses a message of a machine; what is nested too deep in it stays text. @throws SyntaxError if it is not JSON */
export function parseMessage(text: string): Json {
  return parseDeepMachineJson(text, LIMITS, LEVELS);
}
