/** Machines' messages between servers: a line of JSON that names the prompt, then the machine's frame. */
import { z } from 'zod';
import { jsonIfValid } from '../../utils/jsonIfValid.js';
import {
  isReplaceable,
  type MachineFrame,
  type MachineListener,
  type MachineMessage,
  type MachinePreview,
  parseOtherFrame,
  parsePreview,
  previewFrame,
  previewFrameWithMetadata,
} from '../comfyui/machineMessages.js';
import { parseFrame } from '../comfyui/protocol.js';
import type { MessageRelay } from '../queue/MessageRelay.js';

/** Limit for the bytes on their way to all servers, beyond which no previews are sent. */
const MAX_WAITING_FOR_PREVIEWS = 1024 * 1024;

const head = z.object({
  kind: z.enum(['message', 'preview', 'frame']),
  job: z.string(),
  /** Of the prompt's nodes and files (`ownOutputs`). */
  mark: z.string(),
  /** The machine's id of the prompt. */
  prompt: z.string(),
});

/** What a machine said about a prompt of a job. */
export interface RelayedMessage {
  readonly jobId: string;
  readonly mark: string;
  readonly said:
    | { readonly kind: 'message'; readonly message: MachineMessage }
    | { readonly kind: 'preview'; readonly preview: MachinePreview }
    | { readonly kind: 'frame'; readonly frame: MachineFrame };
}

interface Target {
  /** Id of the server. */
  readonly server: string;
  readonly jobId: string;
  readonly mark: string;
  /** Called for each message that could not be sent. */
  readonly onLost: () => void;
}

/** Returns the listener for a machine that sends the messages about a prompt to another server, and to no one else. */
export function relayTo(relay: MessageRelay, { server, jobId, mark, onLost }: Target): MachineListener {
  let isShowing = false;
  const send = async (kind: z.output<typeof head>['kind'], prompt: string, frame: Buffer): Promise<void> => {
    const about = { kind, job: jobId, mark, prompt } satisfies z.output<typeof head>;
    const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(about)}\n`), frame]);
    if (!(await relay.send(server, bytes))) onLost();
  };
  return {
    onMessage: ({ promptId, text }) => void send('message', promptId, Buffer.from(text)),
    onFrame: ({ promptId, bytes }) => void send('frame', promptId, bytes),
    onPreview: (preview) => {
      const { promptId } = preview;
      const frame = frameOf(preview);
      if (!frame) return;
      if (!isReplaceable(preview)) return void send('preview', promptId, frame);
      // One at a time, so that a slow connection gets fewer of them.
      if (isShowing || relay.waitingBytes > MAX_WAITING_FOR_PREVIEWS) return;
      isShowing = true;
      void send('preview', promptId, frame).then(() => {
        isShowing = false;
      });
    },
  };
}

function frameOf(preview: MachinePreview): Buffer | undefined {
  const { metadata, image } = preview;
  return metadata ? previewFrameWithMetadata(metadata.text, image) : previewFrame(preview);
}

/** Parses a message of `relayTo`. @returns undefined for anything else: another version of the server may send it */
export function readRelayed(bytes: Buffer): RelayedMessage | undefined {
  const end = Math.max(bytes.indexOf('\n'), 0);
  const about = head.safeParse(jsonIfValid(bytes.toString('utf8', 0, end))).data;
  if (!about) return undefined;
  const { kind, job: jobId, mark, prompt } = about;
  const frame = bytes.subarray(end + 1);
  if (kind === 'preview') {
    const preview = parsePreview(frame, prompt);
    return preview && { jobId, mark, said: { kind, preview } };
  }
  if (kind === 'frame') {
    const other = parseOtherFrame(frame, prompt);
    return other && { jobId, mark, said: { kind, frame: other } };
  }
  const read = parseFrame(frame.toString());
  const raw = 'raw' in read ? read.raw : undefined;
  const message = raw && { promptId: prompt, ...raw };
  return message && { jobId, mark, said: { kind, message } };
}
