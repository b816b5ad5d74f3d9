import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { resolveReferences } from '../../scripts/resolveReferences.js';
import { GENERAL_ERROR_STATUSES } from '../../src/routes/openApiErrors.js';
import { createComfyOpenApiDocument, createOpenApiDocument } from '../../src/routes/openapi.js';
import { workflows } from '../../src/workflows/index.js';

const ajv = new Ajv2020({ strict: false, allErrors: true });
// These packages mix both module systems.
(addFormats as unknown as (target: Ajv2020) => void)(ajv);

interface Described {
  readonly responses: Record<string, { content: Record<string, { schema: object }> }>;
}

/** Clients must expect additional fields in later versions. This version must have no undocumented fields. */
function withoutFurtherFields(_key: string, value: unknown): unknown {
  const isOpen = typeof value === 'object' && value !== null && 'properties' in value;
  return isOpen && 'type' in value && !('additionalProperties' in value)
    ? { ...value, additionalProperties: false }
    : value;
}

const documents = [createOpenApiDocument(workflows), createComfyOpenApiDocument()];

const templates = documents.map(resolveReferences).flatMap((document) => {
  const { paths = {}, components }: typeof document = JSON.parse(
    JSON.stringify(document, withoutFurtherFields),
  );
  return Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      pattern: new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`),
      isFixed: !template.includes('{'),
      method: method.toUpperCase(),
      operation: operation as unknown as Described,
      components,
      validators: new Map<number, ValidateFunction>(),
    })),
  );
});
// `/api/jobs/list` must not match as a job id.
templates.sort((a, b) => Number(b.isFixed) - Number(a.isFixed));

/** The default is for the errors that any request can get: an operation has all others by their status. */
function describedIn({ responses }: Described, status: number) {
  return responses[status] ?? (GENERAL_ERROR_STATUSES.includes(status) ? responses['default'] : undefined);
}

/**
 * Validates a JSON response against the OpenAPI document. Ignores paths and methods that the document does not have.
 * @param method the request's method; optional if the path has only one
 */
export function expectConforming(path: string, status: number, body: unknown, method?: string): void {
  if (status === 405) return;
  const ofPath = templates.filter(({ pattern }) => pattern.test(path.split('?', 1)[0] ?? ''));
  const template = ofPath.find((one) => one.method === method) ?? ofPath[0];
  if (!template) return;
  const schema = describedIn(template.operation, status)?.content['application/json']?.schema;
  if (!schema) throw new Error(`${path} answered ${status}, which the OpenAPI document does not have`);
  let validate = template.validators.get(status);
  if (!validate) {
    // References to named schemas are resolved from the root of the schema that contains them.
    validate = ajv.compile({ ...schema, components: template.components });
    template.validators.set(status, validate);
  }
  if (!validate(body)) {
    throw new Error(
      `${path} (${status}) does not conform to the OpenAPI document: ${ajv.errorsText(validate.errors)}`,
    );
  }
}
