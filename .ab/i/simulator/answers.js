/** Writes an answer as aiohttp would: JSON, text, an image, or nothing; or with another body than it has. */
export function writeAnswer(response, answer, rewrite = (body) => body) {
    const { type, body: whole } = contentOf(answer);
    const body = rewrite(whole);
    response.writeHead(answer.status, { 'Content-Type': type, 'Content-Length': body.length });
    response.end(body);
}
/** Writes an answer as a broken network or proxy would. */
export function writeSpoiled(response, answer, how) {
    const { type, body } = contentOf(answer);
    switch (how) {
        case 'reset':
            response.socket?.resetAndDestroy();
            return;
        case 'malformed':
            writeAnswer(response, { status: answer.status, text: '{"prompt_id": nonsense' });
            return;
        case 'half':
            response.writeHead(answer.status, { 'Content-Type': type, 'Content-Length': Math.max(2, body.length) });
            response.write(body.subarray(0, body.length / 2));
            // The first half is to arrive before the connection goes.
            setTimeout(() => response.destroy(), 5);
    }
}
function contentOf(answer) {
    if (answer.png !== undefined)
        return { type: 'image/png', body: answer.png };
    if (answer.json !== undefined) {
        return { type: 'application/json; charset=utf-8', body: Buffer.from(JSON.stringify(answer.json)) };
    }
    return { type: 'text/plain; charset=utf-8', body: Buffer.from(answer.text ?? '') };
}
//# sourceMappingURL=answers.js.map