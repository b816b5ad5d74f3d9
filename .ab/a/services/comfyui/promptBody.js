import { Base64Image } from '../../workflows/types.js';
// A placeholder that `JSON.stringify` writes unchanged and that no workflow has reason to contain.
const placeholder = (index) => `\u2063image:${index}\u2063`;
/**
 * Writes the body of `POST /prompt`. Images become base64 here and nowhere else, straight into the bytes that
 * are sent. In one go: shorter strings fill the young generation, whose collections cost more than the long one.
 */
export function encodePromptBody({ graph, clientId, promptId }) {
    const images = [];
    const text = JSON.stringify({ prompt: graph, client_id: clientId, prompt_id: promptId }, (_key, value) => {
        if (!(value instanceof Base64Image))
            return value;
        images.push(value.bytes);
        return placeholder(images.length - 1);
    });
    const room = images.reduce((sum, { length }) => sum + base64Length(length), Buffer.byteLength(text));
    // Longer than is written by the placeholders alone. From no pool: it lives as long as its request.
    const body = Buffer.allocUnsafeSlow(room);
    let written = 0;
    let from = 0;
    for (const [index, image] of images.entries()) {
        const mark = placeholder(index);
        const at = text.indexOf(mark, from);
        written += body.write(text.slice(from, at), written);
        written += body.write(image.toString('base64'), written, 'latin1');
        from = at + mark.length;
    }
    written += body.write(text.slice(from), written);
    return body.subarray(0, written);
}
/** Bytes of all images in a prompt, before they are base64. */
export function imageBytes(graph) {
    const inputs = Object.values(graph).flatMap((node) => Object.values(node.inputs));
    return inputs.reduce((sum, value) => sum + (value instanceof Base64Image ? value.bytes.length : 0), 0);
}
const base64Length = (bytes) => 4 * Math.ceil(bytes / 3);
//# sourceMappingURL=promptBody.js.map