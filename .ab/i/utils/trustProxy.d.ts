/**
 * Whom to believe about a client's address (`X-Forwarded-For`): nobody, so many proxies in front, or proxies of
 * these addresses.
 * @returns undefined when the text is none of these
 */
export declare function parseTrustProxy(text: string): false | number | string[] | undefined;
