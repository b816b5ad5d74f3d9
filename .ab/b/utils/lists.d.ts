/** The entries of a comma-separated list, without the white space around them; empty ones are left out. */
export declare function splitList(text: string): string[];
