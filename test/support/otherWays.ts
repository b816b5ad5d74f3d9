import { once } from 'node:events';
import { connect } from 'node:net';

/** Other ways to write a path. */
export const OTHER_WAYS: readonly ((path: string) => string)[] = [
  (path) => `/${path}`,
  (path) => `///${path}`,
  (path) => `/api/${path}`,
  (path) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (path) => `/api/%2e%2e${path}`,
  (path) => `/userdata/../.${path}`,
  (path) => `/api%2F${path.slice(1)}`,
  (path) => `/api%252F${path.slice(1)}`,
  (path) => `/userdata/..%2F${path.slice(1)}`,
  (path) => `/userdata/..%5C${path.slice(1)}`,
  (path) => `http://elsewhere.example${path}`,
  (path) => `http://elsewhere.example/api${path}`,
];

/** Sends a request as it is written, and returns the whole response. */
export async function rawRequest(address: string, text: string): Promise<string> {
  const [host, port] = address.split(':');
  const socket = connect(Number(port), host);
  let answer = '';
  socket.on('data', (part) => {
    answer += part.toString('latin1');
  });
  socket.write(text);
  await once(socket, 'close');
  return answer;
}
