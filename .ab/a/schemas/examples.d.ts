/** Answers as they came in a run of the tests; written by `npm run examples`. Base64 is cut short. */
export declare const examples: Readonly<Record<string, unknown>>;
