import { EventSourceParserStream } from 'eventsource-parser/stream';

/** One event of a stream, with its JSON data. */
export interface Received {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
}

/** Reads an event stream to its end; ignores comments. */
export async function* readEvents(response: Response): AsyncGenerator<Received> {
  const text = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { event = 'message', id = '', data } of text ?? []) {
    yield { event, id, data: JSON.parse(data) };
  }
}
