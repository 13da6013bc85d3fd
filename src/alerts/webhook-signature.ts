/** Standard Webhooks 1.0: what a receiver verifies, with any of its libraries. */
import { createHmac } from 'node:crypto';
import type { Secret } from '../lib/secret.ts';

const keyBytesMin = 24;
const keyBytesMax = 64;
const prefix = 'whsec_';

/** The bytes that sign; nothing where a secret could be guessed, or would be read otherwise at the other end. */
export function webhookKey(secret: Secret): Buffer | undefined {
  const text = secret.reveal();
  if (!text.startsWith(prefix)) return undefined;
  const encoded = text.slice(prefix.length);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const key = Buffer.from(encoded, 'base64');
  const isGood = key.length >= keyBytesMin && key.length <= keyBytesMax && new Set(key).size > 4;
  return isGood ? key : undefined;
}

export const webhookKeyRule = `must be \`${prefix}\` and the base64 of ${keyBytesMin} to ${keyBytesMax} random bytes, as \`openssl rand -base64 32\` makes them`;

export interface SignedMessage {
  readonly id: string;
  readonly atMs: number;
  readonly body: string;
}

/** One signature for each key: while a secret is changed a receiver may hold either. */
export function webhookHeaders(message: SignedMessage, keys: readonly Buffer[]): Record<string, string> {
  const timestamp = String(Math.floor(message.atMs / 1_000));
  const signed = `${message.id}.${timestamp}.${message.body}`;
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': keys
      .map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
      .join(' '),
  };
}
