import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer, type Server } from 'node:tls';

const PROGRAM = process.env['OPENSSL'] ?? 'openssl';

/** @throws Error in CI without OpenSSL */
export function requireOpenssl(): boolean {
  if (spawnSync(PROGRAM, ['version']).status === 0) return true;
  if (process.env['CI']) throw new Error('No openssl: install it (apt-get install openssl) or set OPENSSL.');
  process.stderr.write(
    '\nNOTICE: no openssl here, the tests of machines behind TLS do NOT run. Install openssl or set OPENSSL.\n\n',
  );
  return false;
}

/** A TLS proxy in front of a machine, for HTTP and WebSockets, with its own self-signed certificate. */
export class TlsProxy {
  /** Path of the certificate. */
  readonly caFile: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(host: string, folder: string) {
    this.#folder = folder;
    this.caFile = path.join(folder, 'cert.pem');
    const key = readFileSync(path.join(folder, 'key.pem'));
    const [name, port] = host.split(':');
    this.#server = createServer({ key, cert: readFileSync(this.caFile) }, (client) => {
      const machine = connect(Number(port), name);
      for (const [one, other] of [
        [client, machine],
        [machine, client],
      ] as const) {
        this.#sockets.add(one);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
    });
    // Some clients do not trust the certificate, and close the connection.
    this.#server.on('tlsClientError', () => undefined);
  }

  /**
   * @param host `host:port` of the machine
   * @param subject subject of the certificate, for example `IP:127.0.0.1` or `DNS:gpu.example`
   */
  static async start(host: string, subject: string, address = '127.0.0.1'): Promise<TlsProxy> {
    const folder = mkdtempSync(path.join(tmpdir(), 'tls-'));
    const { status, stderr } = spawnSync(
      PROGRAM,
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-days', '2', '-subj', '/CN=test', '-addext', `subjectAltName=${subject}`],
        ...['-keyout', 'key.pem', '-out', 'cert.pem'],
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`openssl: ${stderr}`);
    const proxy = new TlsProxy(host, folder);
    await new Promise<void>((resolve) => proxy.#server.listen(0, address, resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
