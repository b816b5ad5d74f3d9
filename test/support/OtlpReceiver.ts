import { z } from 'zod';
import type { HttpServers } from './httpServers.js';

const value = z.object({
  stringValue: z.string().optional(),
  intValue: z.union([z.string(), z.number()]).optional(),
  doubleValue: z.number().optional(),
  boolValue: z.boolean().optional(),
});
const attributes = z.array(z.object({ key: z.string(), value }));
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.int(),
  startTimeUnixNano: z.string(),
  endTimeUnixNano: z.string(),
  attributes: attributes.default([]),
  status: z.object({ code: z.int().optional(), message: z.string().optional() }).default({}),
});
const message = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(span) })),
    }),
  ),
});

export interface ReceivedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly name: string;
  readonly service: unknown;
  /** Epoch ms. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Message of the error status. */
  readonly error: string | undefined;
}

const ERROR = 2;

/** An OpenTelemetry collector that stores what it receives by OTLP over HTTP, in JSON. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  endpoint = '';

  static async start(servers: HttpServers): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    receiver.endpoint = await servers.listen(async (request, response) => {
      const body = (await request.toArray()).join('');
      if (request.url === '/v1/traces') receiver.#take(message.parse(JSON.parse(body)));
      response.setHeader('Content-Type', 'application/json').end('{}');
    });
    return receiver;
  }

  /** The spans with this name. */
  named(name: string): ReceivedSpan[] {
    return this.spans.filter((one) => one.name === name);
  }

  /** The only span with this name. */
  only(name: string): ReceivedSpan {
    const [one, ...others] = this.named(name);
    if (!one || others.length > 0) {
      throw new Error(`${others.length + (one ? 1 : 0)} spans ${name} of ${this.spans.map((s) => s.name)}`);
    }
    return one;
  }

  #take({ resourceSpans }: z.output<typeof message>): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = read(resource.attributes)['service.name'];
      for (const one of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({
          traceId: one.traceId,
          id: one.spanId,
          parent: one.parentSpanId || undefined,
          name: one.name,
          service,
          start: Number(one.startTimeUnixNano) / 1e6,
          end: Number(one.endTimeUnixNano) / 1e6,
          attributes: read(one.attributes),
          error: one.status.code === ERROR ? (one.status.message ?? '') : undefined,
        });
      }
    }
  }
}

function read(list: z.output<typeof attributes>): Record<string, unknown> {
  return Object.fromEntries(
    list.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      stringValue ?? (intValue === undefined ? (doubleValue ?? boolValue) : Number(intValue)),
    ]),
  );
}
