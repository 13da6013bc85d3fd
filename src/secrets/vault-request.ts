/** One question to Vault, and what its refusals mean. */
import { z } from 'zod';
import { DialError } from '../net/dial-error.ts';
import type { Dialer } from '../net/dialer.ts';
import type { VaultOptions } from './options.ts';
import { SecretTrouble } from './secret-source.ts';

export interface VaultQuestion {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly token?: string;
  readonly body?: object;
}

/** Resolves with the answer's JSON. Rejects with a `VaultRefusal`, or another `SecretTrouble`. */
export type AskVault = (question: VaultQuestion) => Promise<unknown>;

export class VaultRefusal extends SecretTrouble {
  readonly status: number;

  constructor(message: string, options: { readonly away: boolean; readonly status: number }) {
    super(message, options);
    this.name = 'VaultRefusal';
    this.status = options.status;
  }
}

export interface VaultPlace {
  readonly options: Pick<VaultOptions, 'url' | 'namespace'>;
  readonly ca: string | undefined;
  readonly dialer: Dialer;
  readonly timeoutMs: number;
}

const answerBytesMax = 1024 * 1024;

export function createAskVault({ options, ca, dialer, timeoutMs }: VaultPlace): AskVault {
  const base = options.url.replace(/\/+$/, '');
  return async (question) => {
    const { method, path, body } = question;
    const answer = await dialer
      .request(`${base}/v1/${path}`, {
        namedBy: 'operator',
        method,
        headers: headersOf(question, options),
        timeoutMs,
        bodyBytesMax: answerBytesMax,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(ca === undefined ? {} : { ca }),
      })
      .catch((cause: unknown) => {
        if (!(cause instanceof DialError)) throw cause;
        throw new SecretTrouble(`Vault cannot be reached: ${cause.message}`, { away: true, cause });
      });
    const read = parseJson(answer.body);
    if (answer.status === 200 && read !== undefined) return read;
    throw refusalOf(answer.status, read);
  };
}

function headersOf(
  { token, body }: VaultQuestion,
  { namespace }: VaultPlace['options'],
): Record<string, string> {
  return {
    'x-vault-request': 'true',
    accept: 'application/json',
    ...(token === undefined ? {} : { 'x-vault-token': token }),
    ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
}

const meanings: Readonly<Record<number, string>> = {
  400: 'did not understand the question',
  403: 'does not allow it: the token has ended, or its policy does not cover this path',
  404: 'has nothing there',
  429: 'asks for fewer questions',
  473: 'stands by for another server',
  503: 'is sealed, or under maintenance',
};
const errorsShape = z.object({ errors: z.array(z.string()) });
const saysCharsMax = 200;

/** What it adds in its own words is short, and about paths and policies; nothing else is repeated. */
function refusalOf(status: number, read: unknown): VaultRefusal {
  const errors = errorsShape.safeParse(read);
  const says = errors.success
    ? errors.data.errors
        .join('; ')
        .replace(/[\p{C}\s]+/gu, ' ')
        .slice(0, saysCharsMax)
    : '';
  const meaning = meanings[status] ?? `answers with status ${status}`;
  const away = status === 429 || status >= 472;
  return new VaultRefusal(`Vault ${meaning}${says === '' ? '' : ` (${says})`}`, { away, status });
}
