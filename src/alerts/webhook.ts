/** A signed webhook, by Standard Webhooks 1.0. */
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { Dialer } from '../net/dialer.ts';
import { type Alert, alertKinds, type Notice, type Way } from './alert.ts';
import { sendPost } from './http-attempt.ts';
import { webhookHeaders, webhookKey } from './webhook-signature.ts';

export interface WebhookWay {
  readonly url: Secret;
  /** The first one is the one that stays. The configuration has refused those that are none. */
  readonly secrets: readonly Secret[];
}

export function createWebhook({ url, secrets }: WebhookWay, context: { dialer: Dialer; clock: Clock }): Way {
  const keys = secrets.map(webhookKey).filter((key) => key !== undefined);
  if (keys.length !== secrets.length) throw new TypeError('a webhook has a secret that signs nothing');
  return {
    name: `webhook ${new URL(url.reveal()).host}`,
    send: (notice, signal) => {
      const body = JSON.stringify(payloadOf(notice));
      // Of this attempt: receivers refuse what was signed long ago.
      const headers = webhookHeaders({ id: notice.id, atMs: context.clock.wall(), body }, keys);
      return sendPost({ url: url.reveal(), headers, body, signal }, context);
    },
  };
}

function payloadOf({ atMs, alerts, more }: Notice): object {
  return {
    type: 'alerts',
    timestamp: new Date(atMs).toISOString(),
    data: { alerts: alerts.map(shown), more },
  };
}

function shown({ kind, summary, labels, startsAtMs, resolved }: Alert): object {
  return {
    alert: kind,
    severity: alertKinds[kind],
    state: resolved === true ? 'resolved' : 'firing',
    summary,
    labels,
    startsAt: new Date(startsAtMs).toISOString(),
  };
}
