/** An upstream's refusal: a status that is not a success, and what its body says. */
import { asFailure, type Failure, fail } from '../core/failure.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
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
    const failure = this.#refusal();
    if (state.abort) this.#delivery.abort();
    else this.#delivery.finish();
    this.#delivery.given.reject(failure);
  }

  /** What the upstream said; a mistake in reading it must not keep the refusal from the client. */
  #refusal(): Failure {
    const { upstream } = this.#delivery.given.exchange.target;
    const body = Buffer.from(this.#body, 'latin1').toString('utf8');
    try {
      const failure = withoutSecrets(upstream, upstream.adapter.decodeFailure(this.#status, body));
      return this.#retryAfterS === undefined ? failure : failure.with({ retryAfterS: this.#retryAfterS });
    } catch (mistake) {
      return asFailure(mistake);
    }
  }
}

/** Seconds or a date; anything else, and anything beyond a minute, is not believed (U6). */
export function parseRetryAfter(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  if (!Number.isFinite(seconds) || seconds < 0) return undefined;
  return Math.min(Math.ceil(seconds), retryAfterMaxS);
}
