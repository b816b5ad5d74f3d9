import { Socket } from 'node:net';
import { v4 as uuid } from 'uuid';
import { WebSocketServer } from 'ws';
import { AppError } from '../../errors.js';
import type { Caller } from '../../middleware/authentication.js';
import { untilClosing } from '../../middleware/untilClosing.js';
import { whileAllowed } from '../../middleware/whileAllowed.js';
import { isRecord } from '../../services/comfyui/machineMessages.js';
import { ClientSocket } from '../../services/native/ClientSocket.js';
import { jsonIfValid } from '../../utils/jsonIfValid.js';
import { features } from './fleet.js';
import { endpoint, type NativeContext, ownerOf } from './NativeEndpoint.js';

/** Clients send messages of a few hundred bytes. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_ID_LENGTH = 200;
/** Idle time after which TCP checks whether the client still exists, ms. */
const KEEP_ALIVE_MS = 30_000;
/** Interval of pings, without which a proxy closes an idle connection, ms. */
const PING_MS = 30_000;

/** `/ws?clientId=`: the WebSocket of a client. */
export const socketEndpoint = endpoint('get', '/ws', (context) => {
  const { native, services, upgrades } = context;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  return async (request, response) => {
    const { clientId } = request.query;
    const id = typeof clientId === 'string' && clientId !== '' ? clientId : uuid().replaceAll('-', '');
    if (id.length > MAX_ID_LENGTH) throw new AppError('INVALID_PARAMETER', 'The clientId is too long.');
    if (!upgrades.has(request)) {
      throw new AppError('INVALID_PARAMETER', 'This is for WebSockets only.');
    }
    const owner = ownerOf(response);
    const upgrade = upgrades.take(request, response);
    if (!upgrade) return;
    // As in ComfyUI, a client need not answer pings: some read their socket only while they wait for a prompt. TCP finds those that
    // are gone, and `ClientSocket` limits the bytes that wait for the others.
    if (upgrade.socket instanceof Socket) upgrade.socket.setKeepAlive(true, KEEP_ALIVE_MS);
    server.handleUpgrade(request, upgrade.socket, upgrade.head, (socket) => {
      const client = new ClientSocket(socket, upgrade.socket);
      const remove = native.sockets.add(owner, id, client);
      socket.once('close', remove);
      socket.on('error', () => client.close());
      // Messages are for the owner, so a key that has another name now needs another socket.
      const isAllowed = ({ key }: Caller) => key?.name === owner;
      whileAllowed(services.keys, response, isAllowed, () => client.dismiss());
      untilClosing(services.closing.signal, response, () => client.sayGoodbye());
      const pings = setInterval(() => socket.ping(), PING_MS);
      socket.once('close', () => clearInterval(pings));
      socket.once('message', (data, isBinary) => {
        if (!isBinary) void readFlags(context, client, String(data));
      });
      void native.prompts.greet(owner, id, client);
    });
  };
});

/** Reads the feature flags in the first message of a client, as ComfyUI does, and sends those of the server. */
async function readFlags(context: NativeContext, client: ClientSocket, text: string): Promise<void> {
  const message = jsonIfValid(text);
  if (!isRecord(message) || message['type'] !== 'feature_flags' || !isRecord(message['data'])) return;
  client.knowsMetadata = message['data']['supports_preview_metadata'] === true;
  client.send(JSON.stringify({ type: 'feature_flags', data: await features(context) }));
}
