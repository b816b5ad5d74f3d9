/** The entries of a comma-separated list, without the white space around them; empty ones are left out. */
export function splitList(text) {
    return text
        .split(',')
        .map((entry) => entry.trim())
        .filter(Boolean);
}
//# sourceMappingURL=lists.js.map