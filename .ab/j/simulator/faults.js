/** The exception that PyTorch raises when a GPU's memory is used up. */
export const OUT_OF_MEMORY = {
    type: 'torch.OutOfMemoryError',
    message: 'Allocation on device 0 would exceed allowed memory. (out of memory)\n',
};
/** A set of faults with none switched on. */
export function noFaults() {
    return {
        muteSockets: false,
        refuseSockets: false,
        delayMs: 0,
        neverAnswer: false,
        respond: undefined,
        spoil: undefined,
        loseHistory: false,
        hang: false,
        failNodes: new Map(),
        memoryFull: false,
        rewrite: undefined,
        messages: undefined,
        loseFiles: 0,
    };
}
//# sourceMappingURL=faults.js.map