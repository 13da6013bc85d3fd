/** A sender of alerts with a held clock, and receivers that answer by a script. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Alert } from '../../src/alerts/alert.ts';
import { type Alerts, createAlerts } from '../../src/alerts/alerts.ts';
import { alertsOptions } from '../../src/alerts/options.ts';
import { createDialer } from '../../src/net/dialer.ts';
import { createHeldClock, type HeldClock } from '../held-clock.ts';
import { runSecret } from '../run-canary.ts';

export const secret = `whsec_${Buffer.from(runSecret('webhook').slice(0, 32)).toString('base64')}`;

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly atMs: number;
}

export interface ScriptedReceiver {
  readonly url: string;
  readonly received: readonly Received[];
}

export type Answer = (response: ServerResponse) => void;

/** Answers the first request with the first of the answers, and from the last one on always with that. */
export async function openReceiver(
  t: TestContext,
  clock: HeldClock,
  answers: readonly Answer[],
): Promise<ScriptedReceiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const answer = answers[Math.min(received.length, answers.length - 1)];
      received.push({
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        atMs: clock.now(),
      });
      answer?.(response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token-canary`, received };
}

export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end();

export interface AlertsRig {
  readonly alerts: Alerts;
  readonly clock: HeldClock;
  readonly lines: readonly string[];
}

export interface AlertsRigOptions {
  readonly clock?: HeldClock;
  readonly claim?: (name: string, ttlMs: number) => Promise<boolean>;
}

export function openAlerts(options: object, given: AlertsRigOptions = {}): AlertsRig {
  const { clock = createHeldClock(), claim = () => Promise.resolve(true) } = given;
  const lines: string[] = [];
  const keep = (facts: object, message: string) => void lines.push(`${JSON.stringify(facts)} ${message}`);
  const alerts = createAlerts(alertsOptions.parse(options), {
    clock,
    log: { info: keep, warn: keep, error: keep },
    dialer: createDialer({ clock, lookup: async () => ['127.0.0.1'] }),
    claim,
  });
  return { alerts, clock, lines };
}

/** A budget of this name that is spent. */
export function spent(name: string, more: Partial<Alert> = {}): Alert {
  return {
    kind: 'budget_spent',
    key: name,
    summary: `half of ${name} is spent`,
    labels: { budget: name, per: 'tenant', share: '0.5' },
    startsAtMs: Date.UTC(2026, 0, 1),
    ...more,
  };
}
