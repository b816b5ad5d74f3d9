import type { Json } from '../../utils/losslessJson.js';
import { PYTHON_LIMITS, parseDeepMachineJson } from '../../utils/machineJson.js';

/** The message, its data, and the output in it. */
const LEVELS = 3;

/** Parses a message of a machine; what is nested too deep in it stays text. @throws SyntaxError if it is not JSON */
export function parseMessage(text: string): Json {
  return parseDeepMachineJson(text, PYTHON_LIMITS, LEVELS);
}
