/** Answers to clients that hold their body back until they are told to send it. */
const waiting = new WeakSet();
/** Has `Expect: 100-continue` decided by the route, so that a refusal comes before the body is sent. */
export function deferContinue(server, app) {
    server.on('checkContinue', (request, response) => {
        waiting.add(response);
        app(request, response);
    });
}
/** Tells a client that waits for it to send its body. */
export function continueUpload(response) {
    if (waiting.delete(response))
        response.writeContinue();
}
//# sourceMappingURL=expectContinue.js.map