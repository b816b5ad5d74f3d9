import { choicesOf } from '../comfyui/protocol.js';
/**
 * Asks an instance which of the workflows' nodes and models it has.
 * @returns what is missing by workflow type, a model as `UpscaleModelLoader: file.pth`; complete workflows are left out
 */
export async function findMissing(client, workflows, signal) {
    const classes = new Set(workflows.flatMap(({ requires }) => [...requires.nodes, ...requires.models.map((model) => model.node)]));
    const infos = new Map();
    for (const name of classes)
        infos.set(name, await client.nodeInfo(name, signal));
    const missing = workflows.map(({ type, requires }) => [type, missingOf(requires, infos)]);
    return new Map(missing.filter(([, names]) => names.length > 0));
}
function missingOf(requires, infos) {
    const nodes = requires.nodes.filter((name) => !infos.get(name));
    const models = requires.models.filter(({ node, input, model }) => {
        const info = infos.get(node);
        // An input without a list of choices takes any name: only the run can tell.
        return info !== undefined && choicesOf(info, input)?.includes(model) === false;
    });
    return [...nodes, ...models.map(({ node, model }) => `${node}: ${model}`)];
}
//# sourceMappingURL=capabilities.js.map