import { linkSource } from './prompt.js';
/** Checks a prompt like ComfyUI before it queues it. */
export function validatePrompt(graph, classes) {
    for (const [id, { class_type }] of Object.entries(graph)) {
        if (!classes[class_type]) {
            return refuse('invalid_prompt', `Cannot execute because node ${class_type} does not exist.`, `Node ID '#${id}'`);
        }
    }
    const outputs = Object.keys(graph).filter((id) => classes[graph[id]?.class_type ?? '']?.outputNode);
    if (outputs.length === 0)
        return refuse('prompt_no_outputs', 'Prompt has no outputs', '');
    const nodeErrors = {};
    for (const [id, node] of Object.entries(graph)) {
        const errors = inputErrors(node.inputs, classes[node.class_type]?.required ?? {});
        if (errors.length > 0) {
            nodeErrors[id] = { errors, dependent_outputs: outputs, class_type: node.class_type };
        }
    }
    if (Object.keys(nodeErrors).length === 0)
        return { outputs };
    return refuse('prompt_outputs_failed_validation', 'Prompt outputs failed validation', '', nodeErrors);
}
/** The refusal of a request that carries no prompt at all. */
export const noPrompt = refuse('no_prompt', 'No prompt provided', 'No prompt provided').refusal;
function refuse(type, message, details, node_errors = {}) {
    return { refusal: { error: { type, message, details, extra_info: {} }, node_errors } };
}
function inputErrors(inputs, required) {
    return Object.entries(required).flatMap(([name, spec]) => {
        const value = inputs[name];
        if (value === undefined) {
            return [
                {
                    type: 'required_input_missing',
                    message: 'Required input is missing',
                    details: name,
                    extra_info: { input_name: name },
                },
            ];
        }
        const choices = spec[0];
        if (!Array.isArray(choices) || linkSource(value) !== undefined || choices.includes(value))
            return [];
        const list = `[${choices.map((choice) => `'${choice}'`).join(', ')}]`;
        return [
            {
                type: 'value_not_in_list',
                message: 'Value not in list',
                details: `${name}: '${value}' not in ${list}`,
                extra_info: { input_name: name, input_config: [choices, {}], received_value: value },
            },
        ];
    });
}
//# sourceMappingURL=validation.js.map