/** What is wrong with receivers once their secrets are looked up. */
import { isIP } from 'node:net';
import type { Secret } from '../lib/secret.ts';
import { parseOutgoingUrl } from '../net/outgoing-url.ts';
import { isLoopbackPeer, readAddress } from '../net/peer-address.ts';
import type { ReceiverOptions, SmtpOptions } from './options.ts';
import { webhookKey, webhookKeyRule } from './webhook-signature.ts';

export interface ReceiverFinding {
  readonly key: readonly string[];
  readonly message: string;
}

export function checkReceiver(receiver: ReceiverOptions): readonly ReceiverFinding[] {
  const { webhook, slack, secret, previousSecret, smtp } = receiver;
  return [
    ...checkUrl(webhook, 'webhook'),
    ...checkUrl(slack, 'slack'),
    ...checkSecret(secret, 'secret'),
    ...checkSecret(previousSecret, 'previousSecret'),
    ...(smtp === undefined ? [] : checkSmtp(smtp)),
  ];
}

function checkUrl(url: Secret | undefined, key: string): readonly ReceiverFinding[] {
  const text = url?.reveal() ?? '';
  // A reference that led nowhere has been reported already.
  if (text === '') return [];
  const parsed = parseOutgoingUrl(text, { namedBy: 'operator' });
  return parsed.ok ? [] : [{ key: [key], message: parsed.reason }];
}

function checkSecret(secret: Secret | undefined, key: string): readonly ReceiverFinding[] {
  if (secret === undefined || secret.reveal() === '' || webhookKey(secret) !== undefined) return [];
  return [{ key: [key], message: webhookKeyRule }];
}

function checkSmtp({ host, tls, user, password }: SmtpOptions): readonly ReceiverFinding[] {
  const findings: ReceiverFinding[] = [];
  if (tls === 'none' && !isLoopbackHost(host)) {
    findings.push({ key: ['smtp', 'tls'], message: 'must not be `none` beyond loopback' });
  }
  if ((user === undefined) !== (password === undefined)) {
    findings.push({ key: ['smtp', 'user'], message: 'must have a password, and a password a user' });
  }
  return findings;
}

function isLoopbackHost(host: string): boolean {
  return isIP(host) === 0 ? host === 'localhost' : isLoopbackPeer(readAddress(host) ?? '');
}
