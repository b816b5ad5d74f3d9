/** Long enough for a phone to change from one network to the next. */
const WINDOW_MS = 10_000;
/**
 * Watches how fast a request's body comes.
 * @param onTooSlow called once, with why, when it is below the pace
 * @returns what ends the watch
 */
export function watchUpload(request, pace, onTooSlow) {
    const { socket } = request;
    // What came with the headers is not counted, so the first window only begins to count.
    let seen;
    const stop = () => {
        clearInterval(window);
        clearTimeout(whole);
    };
    const tooSlow = (why) => {
        stop();
        onTooSlow(why);
    };
    const window = setInterval(() => {
        const bytes = socket.bytesRead - (seen ?? Number.NEGATIVE_INFINITY);
        seen = socket.bytesRead;
        if (bytes >= (pace.minBytesPerSecond * WINDOW_MS) / 1000)
            return;
        tooSlow(`fewer than ${pace.minBytesPerSecond} bytes a second came`);
    }, WINDOW_MS);
    const whole = setTimeout(() => {
        tooSlow(`it was not there after ${pace.wholeMs / 1000} seconds`);
    }, pace.wholeMs);
    return stop;
}
//# sourceMappingURL=pace.js.map