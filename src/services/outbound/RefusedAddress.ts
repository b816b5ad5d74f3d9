/** An address that the server must not connect to. */
export class RefusedAddress extends Error {
  /** @param setting that lists hosts which are allowed anyway */
  constructor(host: string, setting: string) {
    super(`${host} is inside a private network, and not listed in ${setting}`);
    this.name = 'RefusedAddress';
  }
}
