import { z } from 'zod';
import { plainUrl, type Values } from './fields.js';

/** Names from the OpenTelemetry specification. Its SDK reads the other variables itself. */
export const tracingVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: plainUrl
    .optional()
    .describe('the http or https URL of an OpenTelemetry collector, such as http://127.0.0.1:4318')
    .meta({
      meaning:
        'OpenTelemetry collector (OTLP over HTTP) that receives traces, such as `http://127.0.0.1:4318`. Unset: no tracing.',
    }),
  OTEL_SERVICE_NAME: z
    .string()
    .min(1)
    .default('comfyui-express-middleware')
    .describe('a name')
    .meta({ meaning: 'Name of the service in traces.' }),
};

export const tracingConfig = (env: Values<typeof tracingVariables>) => ({
  /** `undefined`: tracing is off. */
  endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
  serviceName: env.OTEL_SERVICE_NAME,
});
