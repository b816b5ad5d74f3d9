import { type Dispatcher, Pool } from 'undici';

/** Keep-alive connections to one server. */
export function connect(host: string, connections = 16): Pool {
  return new Pool(`http://${host}`, {
    connections,
    pipelining: 1,
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
  });
}

/**
 * Reads an image as it arrives and discards it: garbage collection in the load generator would slow the server down.
 * @throws Error for anything other than an image
 */
export async function expectImage({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<void> {
  if (statusCode !== 200 || headers['content-type'] !== 'image/png') {
    throw new Error(`${statusCode} ${(await body.text()).slice(0, 300)}`);
  }
  let length = 0;
  for await (const part of body as AsyncIterable<Buffer>) length += part.length;
  if (length !== Number(headers['content-length'])) throw new Error(`${length} bytes of an image`);
}
