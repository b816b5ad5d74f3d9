import { createOpenApiDocument } from '../src/routes/openapi.js';
import type { Workflow } from '../src/workflows/types.js';
import { resolveReferences } from './resolveReferences.js';

interface Schema {
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

const INTRODUCTION = `# API reference

Generated from the OpenAPI document (\`/openapi.json\`, \`/docs\`) by \`npm run documents\`. The responses were recorded from a running server
(\`npm run examples\`); base64 is cut at \`…\`. The [API guide](API_Guide.md) explains how to use the endpoints.

Every response has an \`X-Request-ID\`: the client's own, if it sent a valid one. Errors are always JSON:
\`error\` (text), \`code\`, \`details\`, \`requestId\`, \`timestamp\`, and \`job_id\` and \`status_url\` if there is a job.
`;

/** Renders the API reference in Markdown. */
export function renderApiReference(workflows: readonly Workflow[]): string {
  const document = resolveReferences(createOpenApiDocument(workflows));
  const sections = new Map<string, string[]>();
  for (const [path, methods] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(methods)) {
      const documented = operation as unknown as Documented;
      const tag = documented.tags[0] ?? '';
      sections.set(tag, [...(sections.get(tag) ?? []), renderOperation(method, path, documented)]);
    }
  }
  const body = [...sections].map(([tag, operations]) => `## ${tag}\n\n${operations.join('\n')}`);
  return `${INTRODUCTION}\n${body.join('\n')}\n${renderErrors(document.paths ?? {})}`;
}

function renderOperation(method: string, path: string, operation: Documented): string {
  const lines = [`### ${method.toUpperCase()} ${path}`, '', operation.summary, ''];
  lines.push(...renderParameters(operation));
  for (const [status, { description, content }] of Object.entries(operation.responses)) {
    if (Number(status) >= 400 && !isFullAnswer(content)) continue;
    lines.push(`**${status}** ${description} (${Object.keys(content).join(', ')})`, '');
    const example = content['application/json']?.example;
    if (example !== undefined) lines.push('```json', JSON.stringify(example, null, 2), '```', '');
  }
  const errors = Object.entries(operation.responses).filter(([status]) => Number(status) >= 400);
  lines.push(`Errors: ${errors.map(([status]) => status).join(', ')}.`, '');
  return lines.join('\n');
}

/** Whether a 503 is a full report of /health and not an error. */
function isFullAnswer(content: Readonly<Record<string, Content>>): boolean {
  const example = content['application/json']?.example as { code?: unknown } | undefined;
  return example !== undefined && example.code === undefined;
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

/** Each error status once, with an example. */
function renderErrors(paths: object): string {
  const errors = new Map<string, { description: string; example: unknown }>();
  for (const methods of Object.values(paths)) {
    for (const operation of Object.values(methods as Record<string, Documented>)) {
      for (const [status, { description, content }] of Object.entries(operation.responses)) {
        if (Number(status) < 400 || isFullAnswer(content) || errors.has(status)) continue;
        errors.set(status, { description, example: content['application/json']?.example });
      }
    }
  }
  const sections = [...errors].sort().map(([status, { description, example }]) => {
    const block = example === undefined ? '' : `\n\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\`\n`;
    return `**${status}** ${description}\n${block}`;
  });
  return `## Errors\n\n${sections.join('\n')}\nAn unknown path is a 404 \`NOT_FOUND\`, an unsupported method a 405 \`METHOD_NOT_ALLOWED\` with \`Allow\`.\n`;
}
