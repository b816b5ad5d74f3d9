/** Where one ComfyUI machine is reached. */
export interface InstanceAddress {
    /** `instance-1`, `instance-2`, … in the order of `COMFYUI_HOST`. */
    readonly id: string;
    /** `host:port`, the name that answers and logs use. */
    readonly host: string;
    /** `http://host:port`, with no slash at its end. */
    readonly baseUrl: string;
}
/**
 * Reads a comma-separated list of `host`, `host:port`, `[v6]:port` or `http(s)://…` entries.
 * A URL may carry a path (ComfyUI behind a proxy); a port that a URL leaves out is its scheme's own, one that a
 * bare host leaves out is ComfyUI's 8188.
 */
export declare function parseInstances(list: string, useSsl: boolean): {
    addresses: InstanceAddress[];
} | {
    problem: string;
};
