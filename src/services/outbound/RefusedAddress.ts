/** An address that the server sends nothing to. */
export class RefusedAddress extends Error {
  /** @param setting the variable that names hosts which are allowed anyway */
  constructor(host: string, setting: string) {
    super(`${host} is inside a private network, and not named by ${setting}`);
    this.name = 'RefusedAddress';
  }
}
