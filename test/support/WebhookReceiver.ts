import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { HttpServers } from './httpServers.js';

export const WEBHOOK_SECRET = `whsec_${Buffer.from('a secret of twenty-four or more bytes').toString('base64')}`;
const HOOK = '/hook?token=secret';

interface Message {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Record<string, unknown>;
}

/** Receives webhook messages, verifies their signatures, and responds as `answer` says. */
export class WebhookReceiver {
  readonly messages: Message[] = [];
  readonly ids: string[] = [];
  url = '';
  /** Connections on which a message has arrived. */
  readonly #sockets = new Set<Socket>();

  static async start(
    servers: HttpServers,
    answer: (response: ServerResponse, count: number) => void = (response) => response.end(),
  ): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    const origin = await servers.listen(async (request, response) => {
      if (request.url !== HOOK) {
        // From a program that still polls a server that had this port before.
        response.writeHead(404).end();
        return;
      }
      receiver.#take(request, (await request.toArray()).join(''));
      answer(response, receiver.ids.length);
    });
    receiver.url = origin + HOOK;
    return receiver;
  }

  get openConnections(): number {
    return [...this.#sockets].filter(({ destroyed }) => !destroyed).length;
  }

  #take(request: IncomingMessage, body: string): void {
    const headers = request.headers as Record<string, string>;
    this.messages.push(new Webhook(WEBHOOK_SECRET).verify(body, headers) as Message);
    this.#sockets.add(request.socket);
    this.ids.push(String(headers['webhook-id']));
  }
}
