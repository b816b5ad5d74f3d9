/** An image in a prompt: kept as bytes, written as base64 only when the prompt is sent. */
export class Base64Image {
    bytes;
    constructor(bytes) {
        this.bytes = bytes;
    }
}
/** Types a workflow by its own parameters, and hands it on for a registry of workflows of any parameters. */
export function defineWorkflow(workflow) {
    return workflow;
}
//# sourceMappingURL=types.js.map