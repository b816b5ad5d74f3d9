import type { Workflow } from '../../workflows/types.js';
import { modelName } from './capabilities.js';
import type { Instance } from './Instance.js';

/**
 * Says what an instance lacks, and for which workflows, such as `the model file sd15.safetensors for the node
 * CheckpointLoaderSimple (workflow text-to-image)`.
 * @param workflowOf returns the workflow of a type
 */
export function lackWords(
  { health }: Instance,
  workflowOf: (type: string) => Workflow | undefined,
): string[] {
  const typesByWords = new Map<string, string[]>();
  for (const [type, names] of health.missing) {
    const { models = [], labels = [] } = workflowOf(type)?.requires ?? {};
    const words = new Map([
      ...models.map(
        (one) => [modelName(one), `the model file ${one.model} for the node ${one.node}`] as const,
      ),
      ...labels.map((label) => [`label ${label}`, `the label ${label}`] as const),
    ]);
    for (const name of names) {
      const text = words.get(name) ?? `the node ${name}`;
      typesByWords.set(text, [...(typesByWords.get(text) ?? []), type]);
    }
  }
  const all = [...typesByWords].map(
    ([text, types]) => `${text} (workflow${types.length > 1 ? 's' : ''} ${types.join(', ')})`,
  );
  return all.sort();
}
