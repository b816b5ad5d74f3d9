import type { Request, Response } from 'express';
import { AppError } from '../../errors.js';
import { callerOf, clientOf, isAdmin } from '../../middleware/authentication.js';
import { requestIdOf } from '../../middleware/requestContext.js';
import { hangUpSignal } from '../../middleware/upload.js';
import { isJsonObject, type Json, NumberText, numberIn } from '../../utils/losslessJson.js';
import { numberInText } from '../../utils/numerals.js';
import { type PromptRefusal, refuse } from '../../workflows/objectInfo/checkPrompt.js';
import type { InputError } from '../../workflows/objectInfo/inputErrors.js';
import type { NodeErrors } from '../../workflows/objectInfo/PromptCheck.js';
import { highestPriority } from '../priority.js';
import { endpoint, mayUseOf, type NativeContext, ownerOf, promptLimits, sendJson } from './NativeEndpoint.js';
import { isTruthy, readJson, textOf, textsOf } from './readJson.js';

/** Maximum length of the ids that clients choose. */
const MAX_ID_LENGTH = 200;

/** `POST` and `GET /prompt`. */
export const promptEndpoints = [
  endpoint('get', '/prompt', ({ native }) => async (_request, response) => {
    const queue_remaining = await native.status.remaining();
    response.json({ exec_info: { queue_remaining } });
  }),
  endpoint('post', '/prompt', submitPrompt),
];

function submitPrompt(context: NativeContext) {
  const limits = promptLimits(context);
  const { native, services } = context;
  return async (request: Request, response: Response) => {
    // A request that cannot succeed is rejected before its upload.
    services.graphSubmissions.checkPermission(isAdmin(callerOf(response)));
    await services.admission.check({ files: 0, graph: 0 });
    const signal = hangUpSignal(response);
    const body = await readJson(request, response, limits);
    const prompt = body.get('prompt');
    if (!isJsonObject(prompt)) {
      const { refusal } =
        prompt === undefined
          ? refuse('no_prompt', 'No prompt provided', 'No prompt provided')
          : refuse('invalid_prompt', 'The prompt is no object of nodes.', '');
      return sendRefusal(response, refusal);
    }
    const extraData = body.get('extra_data');
    const extra = isJsonObject(extraData) ? extraData : new Map<string, Json>();
    const targets = body.get('partial_execution_targets');
    const number = numberOf(body.get('number'));
    const isFirst = isTruthy(body.get('front')) || (number ?? 0) < 0;
    const accepted = await native.prompts.submit({
      prompt,
      promptId: idOf(body, 'prompt_id'),
      // As in ComfyUI, which reads it from there.
      clientId: idOf(body, 'client_id') ?? idOf(extra, 'client_id'),
      targets: Array.isArray(targets) ? new Set(textsOf(targets)) : undefined,
      extraData: extra,
      owner: ownerOf(response),
      mayUse: mayUseOf(response),
      client: clientOf(response),
      isAdmin: isAdmin(callerOf(response)),
      number,
      isFirst,
      priority: isFirst ? highestPriority(response, context.config) : 0,
      requestId: requestIdOf(response),
      signal,
    });
    if ('refusal' in accepted) return sendRefusal(response, accepted.refusal);
    const { record } = accepted.prompt;
    sendJson(
      response,
      new Map<string, Json>([
        ['prompt_id', record.id],
        ['number', record.number],
        ['node_errors', errorsJson(accepted.nodeErrors)],
      ]),
    );
  };
}

/** Returns the place in the queue. As in ComfyUI, which makes a `float` of it, `true` and text may also be a number. */
function numberOf(value: Json | undefined): number | undefined {
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'string' ? numberInText(value) : numberIn(value);
}

/**
 * Returns an id as text. ComfyUI makes a text of a number, too.
 * @throws AppError `INVALID_PARAMETER` for an id that is too long
 */
function idOf(body: ReadonlyMap<string, Json>, name: string): string | undefined {
  const value = body.get(name);
  const number = value instanceof NumberText ? value.text : numberIn(value)?.toString();
  const id = number ?? textOf(value);
  if (id === undefined || id.length <= MAX_ID_LENGTH) return id;
  throw new AppError('INVALID_PARAMETER', `${name} has more than ${MAX_ID_LENGTH} characters.`);
}

function sendRefusal(response: Response, { error, node_errors }: PromptRefusal): void {
  const body = new Map<string, Json>([
    ['error', errorJson(error)],
    ['node_errors', errorsJson(node_errors)],
  ]);
  sendJson(response, body, 400);
}

function errorJson({ type, message, details, extra_info }: InputError): Json {
  return new Map(Object.entries({ type, message, details, extra_info }));
}

function errorsJson(errors: ReadonlyMap<string, NodeErrors>): Json {
  return new Map(
    [...errors].map(([id, { errors: of, dependent_outputs, class_type }]): [string, Json] => [
      id,
      new Map<string, Json>([
        ['errors', of.map(errorJson)],
        ['dependent_outputs', dependent_outputs],
        ['class_type', class_type],
      ]),
    ]),
  );
}
