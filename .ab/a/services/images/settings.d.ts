/**
 * Sets sharp up for a server. Its cache is for programs that work on the same file again and again: here it would only
 * keep images. Jobs run side by side on libuv's threads, so one image gets one thread: more only take them
 * from the others.
 */
export declare function configureImages(): void;
