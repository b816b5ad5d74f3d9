import type { WebhookFigures } from '../webhooks/Webhooks.js';
import type { PrometheusRegistry } from './PrometheusRegistry.js';

const NONE: WebhookFigures = { waiting: 0, delivered: 0, failedAttempts: 0, givenUp: 0 };

/** @param read omitted without webhooks: then every value is 0 */
export function exportWebhooks(registry: PrometheusRegistry, read: () => WebhookFigures = () => NONE): void {
  registry.gauge({ name: 'webhooks_waiting', help: 'Webhooks that are not delivered yet.' }, () => [
    { value: read().waiting },
  ]);
  registry.total(
    { name: 'webhook_attempts_total', help: 'Attempts to send a webhook.', labels: ['outcome'] },
    () => [
      { labels: { outcome: 'delivered' }, value: read().delivered },
      { labels: { outcome: 'failed' }, value: read().failedAttempts },
    ],
  );
  registry.total(
    { name: 'webhooks_given_up_total', help: 'Webhooks that no further attempt is made for.' },
    () => [{ value: read().givenUp }],
  );
}
