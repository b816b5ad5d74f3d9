import { createComfyOpenApiDocument, createOpenApiDocument } from '../src/routes/openapi.js';
import type { Workflow } from '../src/workflows/types.js';
import { resolveReferences } from './resolveReferences.js';

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}

interface Content {
  readonly schema?: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface DocumentedResponse {
  readonly description: string;
  readonly content: Readonly<Record<string, Content>>;
}

interface Documented {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, DocumentedResponse>>;
}

type OpenApiDocument = ReturnType<typeof createOpenApiDocument>;

const INTRODUCTION = `# API reference

Generated from the OpenAPI documents (\`/openapi.json\`, for the Comfy API v2 \`/api/v2/openapi.json\`; \`/docs\` shows both) by \`npm run documents\`. The
responses were recorded from a running server (\`npm run examples\`); base64 is cut at \`…\`. The [API guide](API_Guide.md) explains how to use the endpoints.

Every response has an \`X-Request-ID\`: the client's own, if it sent a valid one. Errors are always JSON:
\`error\` (text), \`code\`, \`details\`, \`requestId\`, \`timestamp\`, and \`job_id\` and \`status_url\` if there is a job. The Comfy API v2 has
[its own form](#errors-of-the-comfy-api-v2).

Each endpoint lists its own errors. In addition, any request can get an [error](#errors) about its key or origin, from a limit, or from a fault.
`;

/** Renders the API reference in Markdown. */
export function renderApiReference(workflows: readonly Workflow[]): string {
  const rest = resolveReferences(createOpenApiDocument(workflows));
  const comfy = resolveReferences(createComfyOpenApiDocument());
  const sections = new Map<string, string[]>();
  for (const { method, path, operation } of [...operationsOf(rest), ...operationsOf(comfy)]) {
    const tag = operation.tags[0] ?? '';
    sections.set(tag, [...(sections.get(tag) ?? []), renderOperation(method, path, operation)]);
  }
  const body = [...sections].map(([tag, operations]) => `## ${tag}\n\n${operations.join('\n')}`);
  const errors = `## Errors\n\n${renderErrors(rest)}\nAn unknown path is a 404 \`NOT_FOUND\`, an unsupported method a 405 \`METHOD_NOT_ALLOWED\` with \`Allow\`.\n`;
  const comfyErrors = `## Errors of the Comfy API v2\n\n${renderErrors(comfy)}`;
  return [INTRODUCTION, ...body, errors, comfyErrors].join('\n');
}

function operationsOf({ paths = {} }: OpenApiDocument) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method,
      path,
      operation: operation as unknown as Documented,
    })),
  );
}

function renderOperation(method: string, path: string, operation: Documented): string {
  const lines = [`### ${method.toUpperCase()} ${path}`, '', operation.summary, ''];
  lines.push(...renderParameters(operation));
  const responses = Object.entries(operation.responses);
  for (const [status, { description, content }] of responses) {
    if (isError(content)) continue;
    lines.push(
      `**${status}** ${description} (${Object.keys(content).join(', ')})`,
      '',
      ...renderExample(content),
    );
  }
  const statuses = responses.map(([status]) => status).filter((status) => Number(status) >= 400);
  if (statuses.length > 0) lines.push(`Errors: ${statuses.join(', ')}.`, '');
  return lines.join('\n');
}

/** Whether a response is an error. A 503 of /health is a full report. */
function isError(content: Readonly<Record<string, Content>>): boolean {
  return /\/(Comfy)?Error$/.test(content['application/json']?.schema?.$ref ?? '');
}

function renderExample(content: Readonly<Record<string, Content>>): string[] {
  const { example, examples = {} } = content['application/json'] ?? {};
  const shown = example ?? Object.values(examples)[0]?.value;
  return shown === undefined ? [] : ['```json', JSON.stringify(shown, null, 2), '```', ''];
}

function renderParameters({ parameters = [], requestBody }: Documented): string[] {
  const rows = parameters.map(({ name, in: where, required, description, schema }) =>
    row(name, where, required === true, schema, description),
  );
  const form = requestBody?.content['multipart/form-data']?.schema;
  for (const [name, schema] of Object.entries(form?.properties ?? {})) {
    const isRequired = form?.required?.includes(name) === true;
    rows.push(row(name, name === 'imageFile' ? 'form' : 'form or query', isRequired, schema, undefined));
  }
  if (rows.length === 0) return [];
  return ['| parameter | in | required | default | |', '|---|---|---|---|---|', ...rows, ''];
}

function row(
  name: string,
  where: string,
  isRequired: boolean,
  schema: Schema | undefined,
  description: string | undefined,
): string {
  const fallback = schema?.default === undefined ? '' : `\`${schema.default}\``;
  const choices = schema?.enum ? ` One of ${schema.enum.join(', ')}.` : '';
  const words = `${description ?? schema?.description ?? ''}${choices}`;
  return `| \`${name}\` | ${where} | ${isRequired ? 'yes' : 'no'} | ${fallback} | ${words} |`;
}

/** Renders the errors of every request, then each error status once, with an example. */
function renderErrors(document: OpenApiDocument): string {
  const errors = new Map<string, DocumentedResponse>();
  for (const { operation } of operationsOf(document)) {
    for (const [status, response] of Object.entries(operation.responses)) {
      if (isError(response.content)) errors.set(status, response);
    }
  }
  const general = errors.get('default')?.description ?? '';
  const byStatus = [...errors].filter(([status]) => Number(status) >= 400).sort();
  const sections = byStatus.map(([status, { description, content }]) =>
    [`**${status}** ${description}`, '', ...renderExample(content)].join('\n'),
  );
  return `${general}\n\n${sections.join('\n')}`;
}
