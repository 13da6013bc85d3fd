/** An upstream's refusal: a status that is not a success, and what its body says. */
import { type Failure, Failure as FailureError, fail } from '../core/failure.ts';
import type { BodyReader, Delivery } from './delivery.ts';

const bodyBytesMax = 64 * 1024;
const retryAfterMaxS = 60;

export class RefusalReader implements BodyReader {
  readonly #delivery: Delivery;
  readonly #status: number;
  readonly #retryAfterS: number | undefined;
  #body = '';

  constructor(delivery: Delivery, status: number, retryAfter: string | string[] | undefined) {
    this.#delivery = delivery;
    this.#status = status;
    this.#retryAfterS = parseRetryAfter(retryAfter);
  }

  data(chunk: Buffer): void {
    if (this.#body.length < bodyBytesMax) this.#body += chunk.toString('latin1');
    else this.#conclude({ abort: true });
  }

  end(): void {
    this.#conclude({ abort: false });
  }

  failed(): void {
    this.#conclude({ abort: false });
  }

  clientLeft(): void {
    this.#delivery.given.reject(fail('client_gone', 'the client left before the upstream answered'));
  }

  #conclude(state: { abort: boolean }): void {
    if (state.abort) this.#delivery.abort();
    else this.#delivery.finish();
    const { exchange, reject } = this.#delivery.given;
    const { upstream } = exchange.target;
    const said = Buffer.from(this.#body, 'latin1').toString('utf8');
    // Some repeat the key that they refuse.
    const body = upstream.secrets.reduce((text, secret) => text.replaceAll(secret, '***'), said);
    reject(placed(upstream.adapter.decodeFailure(this.#status, body), upstream.name, this.#retryAfterS));
  }
}

/** The same failure, with the upstream it came from and how long that one asked us to wait. */
function placed(failure: Failure, upstream: string, retryAfterS: number | undefined): Failure {
  return new FailureError(failure.message, {
    code: failure.code,
    status: failure.status,
    upstream,
    cause: failure.cause,
    ...(failure.param === undefined ? {} : { param: failure.param }),
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  });
}

/** Seconds or a date; anything else, and anything beyond a minute, is not believed (U6). */
export function parseRetryAfter(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const seconds = /^\d{1,9}$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  if (!Number.isFinite(seconds) || seconds < 0) return undefined;
  return Math.min(Math.ceil(seconds), retryAfterMaxS);
}
