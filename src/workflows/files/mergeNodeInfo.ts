import { choicesOf, type NodeInfo, optionsOf } from './nodeInfo.js';
import { isModelFile } from './requirements.js';

type Inputs = NodeInfo['input']['required'];
type Declared = readonly unknown[];

/**
 * Merges the node info of several machines. Among the choices of an input are the model files of all machines, because a job runs
 * on a machine that has its models. The rest of a class comes from the first machine that has it.
 */
export function mergeNodeInfo(machines: ReadonlyArray<ReadonlyMap<string, NodeInfo>>): Map<string, NodeInfo> {
  const merged = new Map<string, NodeInfo>();
  for (const infos of machines) {
    for (const [name, info] of infos) {
      const known = merged.get(name);
      merged.set(name, known ? withModels(known, info) : info);
    }
  }
  return merged;
}

function withModels(known: NodeInfo, other: NodeInfo): NodeInfo {
  const merge = (inputs: Inputs): Inputs => {
    if (!inputs) return undefined;
    const merged = Object.entries(inputs).map(([field, declared]): [string, Declared] => {
      const choices = new Set(choicesOf(known, field));
      const added = choicesOf(other, field)?.filter((one) => isModelFile(one) && !choices.has(one)) ?? [];
      return [
        field,
        added.length > 0 ? withChoices(known, field, declared, [...choices, ...added]) : declared,
      ];
    });
    return Object.fromEntries(merged);
  };
  const { required, optional } = known.input;
  return { ...known, input: { required: merge(required), optional: merge(optional) } };
}

/** An input in the same of the two formats of ComfyUI. An input without a list takes any name. */
function withChoices(
  info: NodeInfo,
  field: string,
  declared: Declared,
  choices: readonly unknown[],
): Declared {
  if (choicesOf(info, field) === undefined) return declared;
  const [kind, , ...rest] = declared;
  if (Array.isArray(kind)) return [choices, ...declared.slice(1)];
  return [kind, { ...optionsOf(info, field), options: choices }, ...rest];
}
