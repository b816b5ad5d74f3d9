import { v4 as uuid } from 'uuid';
const HUGE_BYTES = 10_000_000;
const HOLD_MS = 30;
const RUBBISH = ['not JSON', '[]', 'null', '{"type":7}', '{"type":"executed","data":{"prompt_id":7}}'];
const hugeMessage = () => JSON.stringify({ type: 'huge', data: 'x'.repeat(HUGE_BYTES) });
/** Ends and failures of a prompt that nobody submitted. */
function aboutSomebodyElse() {
    const data = { prompt_id: uuid() };
    return [
        { type: 'execution_error', data: { ...data, exception_message: 'of somebody else' } },
        { type: 'executed', data: { ...data, node: 'save', output: { images: [{ filename: 'other.png' }] } } },
        { type: 'execution_success', data },
        { type: 'executing', data: { ...data, node: null } },
    ];
}
/** What is sent before a message. */
function companyOf(fault, text) {
    switch (fault) {
        case 'twice':
            return [text];
        case 'strangers':
            return aboutSomebodyElse().map((message) => JSON.stringify(message));
        case 'huge':
            // Not with each of a run's two dozen messages: a network carries so much only so fast.
            return /"type":"(executing|execution_success)"/.test(text.slice(0, 100)) ? [hugeMessage()] : [];
        case 'rubbish':
            return RUBBISH;
        default:
            return [];
    }
}
/** Sockets by client id, with ComfyUI's own book-keeping, traps included. */
export class SimulatedSockets {
    #byId = new Map();
    #all = new Set();
    #faults;
    /** Half-open sockets: nothing is read from them and nothing is sent. */
    #frozen = new WeakSet();
    /** Messages that are held back so that they come in the wrong order. */
    #held = [];
    constructor(faults) {
        this.#faults = faults;
    }
    /** Ids of every socket that ever was, in order. */
    clientIds = [];
    get size() {
        return this.#all.size;
    }
    /**
     * Takes a socket. A second one with the same id takes over its messages, and when either is closed the id is
     * forgotten: the other one stays open and deaf.
     */
    add(socket, request, hello) {
        const clientId = new URL(request.url ?? '/', 'http://localhost').searchParams.get('clientId') || uuid();
        this.clientIds.push(clientId);
        this.#all.add(socket);
        this.#byId.set(clientId, socket);
        socket.on('close', () => {
            this.#all.delete(socket);
            this.#byId.delete(clientId);
        });
        socket.on('error', () => undefined);
        for (const message of hello(clientId))
            this.#write(socket, message);
    }
    /** Sends to the socket of one client, or to nobody: nothing is kept. */
    send(clientId, message) {
        const socket = clientId === undefined ? undefined : this.#byId.get(clientId);
        if (socket)
            this.#write(socket, message);
    }
    broadcast(message) {
        for (const socket of this.#byId.values())
            this.#write(socket, message);
    }
    /** Sends a preview to everybody: 4 bytes of event type (1), 4 of image format (1, JPEG), then the image. */
    sendPreview(image) {
        for (const socket of this.#all)
            socket.send(Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]), image]));
    }
    /** Sends a text frame as it is, for messages that no ComfyUI would send. */
    sendRaw(text) {
        for (const socket of this.#all)
            socket.send(text);
    }
    /** Closes every socket with a closing handshake. */
    close() {
        for (const socket of this.#all)
            socket.close(1001);
    }
    /** From now on packets of the sockets that are open vanish, in both directions. */
    freeze() {
        for (const socket of this.#all) {
            this.#frozen.add(socket);
            socket.pause();
        }
    }
    /** Cuts every socket, without a closing handshake. */
    drop() {
        for (const socket of this.#all)
            socket.terminate();
    }
    #write(socket, message) {
        if (this.#faults.muteSockets || this.#frozen.has(socket))
            return;
        const { messages, rewrite } = this.#faults;
        const whole = JSON.stringify(message);
        const text = rewrite ? rewrite(Buffer.from(whole)).toString() : whole;
        if (messages === 'shuffled')
            this.#hold(() => socket.send(text));
        else
            for (const one of [...companyOf(messages, text), text])
                socket.send(one);
    }
    /** Sends what came within a moment in reverse. */
    #hold(send) {
        this.#held.unshift(send);
        if (this.#held.length > 1)
            return;
        setTimeout(() => {
            for (const held of this.#held.splice(0))
                held();
        }, HOLD_MS);
    }
}
//# sourceMappingURL=sockets.js.map