import { echoClasses } from './echo.js';
import type { NodeClass } from './nodeClass.js';
import { nodeClasses } from './nodes.js';
import { showFloat } from './oddFloats.js';
import { modelFolders, type SimulatorOptions } from './options.js';
import { otherClasses } from './otherClasses.js';

/** The node classes of a machine, by name. */
export function machineClasses(options: SimulatorOptions): Record<string, NodeClass> {
  const { withoutNodes = [], isEcho = false, generation } = options;
  const own = (isEcho ? echoClasses : nodeClasses)(modelFolders(options), generation === 'older');
  const odd = options.hasOddFloats === true ? { ShowFloat: showFloat } : {};
  const all = { ...own, ...odd, ...otherClasses(options.otherClasses ?? 0) };
  return Object.fromEntries(Object.entries(all).filter(([name]) => !withoutNodes.includes(name)));
}
