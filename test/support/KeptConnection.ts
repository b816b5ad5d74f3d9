import { Agent, request } from 'node:http';

/** A client with one keep-alive connection, which it opens at the start: later requests need no new one. */
export class KeptConnection {
  readonly #baseUrl: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  private constructor(baseUrl: string) {
    this.#baseUrl = baseUrl;
  }

  static async open(baseUrl: string): Promise<KeptConnection> {
    const connection = new KeptConnection(baseUrl);
    await connection.get('/livez');
    return connection;
  }

  /** The status of a response, and its JSON or its text. */
  get(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
    return this.#send('GET', path, undefined, {});
  }

  post(
    path: string,
    body: Uint8Array,
    type: string,
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    return this.#send('POST', path, body, { 'content-type': type, 'content-length': body.length });
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(
    method: string,
    path: string,
    body: Uint8Array | undefined,
    headers: Readonly<Record<string, string | number>>,
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#baseUrl}${path}`, { method, agent: this.#agent, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(parts).toString();
          const isJson = response.headers['content-type']?.startsWith('application/json') === true;
          resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
}
