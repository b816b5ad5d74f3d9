import { PromptError } from '../../errors.js';
import { workflowNodeId } from './ownOutputs.js';
import { submitRefusal } from './protocol.js';

/** Maximum nodes, and errors of each, that are kept. */
const MAX_NODES = 20;
const MAX_ERRORS = 10;

/**
 * Parses the reason why ComfyUI rejects a prompt, or one of its outputs.
 * @param body the response to `POST /prompt`
 * @param files names of the files that were uploaded for it
 * @returns undefined if the body is not such a response of ComfyUI
 */
export function refusalOf(body: unknown, files: readonly string[]): PromptError | undefined {
  const parsed = submitRefusal.safeParse(body);
  if (!parsed.success) return undefined;
  const { error } = parsed.data;
  const node_errors = Object.fromEntries(
    Object.entries(parsed.data.node_errors)
      .slice(0, MAX_NODES)
      .map(([id, { dependent_outputs: _outputs, ...rest }]) => [
        workflowNodeId(id),
        { ...rest, errors: rest.errors.slice(0, MAX_ERRORS).map((one) => plainReason(one, files)) },
      ]),
  );
  const reasons = Object.values(node_errors).flatMap(({ errors }) => errors);
  if (reasons.some((reason) => isAbout(reason, files))) {
    return new PromptError('input file gone', 'ComfyUI no longer has a file that was uploaded to it.');
  }
  const first = Object.entries(node_errors)[0];
  const reason = first?.[1].errors[0];
  const about = [reason?.message, reason?.details].filter(Boolean).join(': ');
  return new PromptError(
    'invalid workflow',
    `ComfyUI rejected the workflow: ${[error.message, about].filter(Boolean).join(' ')}`,
    {
      details: {
        type: error.type,
        message: error.message,
        details: error.details,
        ...(first ? { node_id: first[0], node_class: first[1].class_type } : {}),
        node_errors,
      },
    },
  );
}

interface Reason {
  readonly type?: string | undefined;
  readonly message: string;
  readonly details?: string | undefined;
}

function isAbout({ details = '' }: Reason, files: readonly string[]): boolean {
  return files.some((file) => details.includes(file));
}

/**
 * A loader without `VALIDATE_INPUTS` accepts only files of its list, which are those in the input folder: the upload is not
 * missing. The details contain the whole list, which is not for clients.
 */
function plainReason(reason: Reason, files: readonly string[]): Reason {
  if (reason.type !== 'value_not_in_list' || !isAbout(reason, files)) return reason;
  return {
    type: reason.type,
    message: "This loader accepts only files in ComfyUI's input folder, no uploads of this server",
  };
}
