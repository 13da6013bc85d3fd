/** One bounded question to whoever issues tokens. The sockets are `net`'s: who opens everything hands this in. */
import type { JsonObject } from '../core/call.ts';
import { isObject } from '../core/json-object.ts';

export interface IssuerQuestion {
  readonly url: string;
  /** Whether the operator wrote the address: what an issuer's answer names may lead to the public network alone. */
  readonly trusted: boolean;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface IssuerAnswer {
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Rejects when no answer came, or one past the bounds of size and time. Follows no redirects. */
export type AskIssuer = (question: IssuerQuestion) => Promise<IssuerAnswer>;

/** The answer as an object of JSON; throws where it is none, or no success. */
export async function askForObject(ask: AskIssuer, question: IssuerQuestion): Promise<JsonObject> {
  const { status, body } = await ask(question);
  const { origin, pathname } = new URL(question.url);
  const where = `${origin}${pathname}`;
  if (status !== 200) throw new Error(`${where} answered with ${status}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch (cause) {
    throw new Error(`${where} answered with something else than JSON`, { cause });
  }
  if (!isObject(value)) throw new Error(`${where} answered with something else than an object`);
  return value;
}
