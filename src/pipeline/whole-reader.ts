/** A whole answer: collected, checked, and written in the client's dialect unless it is that already. */
import { isUtf8 } from 'node:buffer';
import { type Failure, fail } from '../core/failure.ts';
import type { CallResult } from '../core/part.ts';
import { wholeReply } from '../core/stage.ts';
import { cutByBudget, endsAtBound } from './bounded-call.ts';
import type { BodyReader, Delivery } from './delivery.ts';
import { noteResult } from './note-result.ts';
import { replyFacts, replyHeaders } from './reply-facts.ts';

export class WholeReader implements BodyReader {
  readonly #delivery: Delivery;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  data(chunk: Buffer): void {
    this.#delivery.watchdog.enter('idle');
    this.#bytes += chunk.length;
    const { answerBytesMax } = this.#delivery.given.options;
    if (this.#bytes > answerBytesMax) {
      throw fail('response_too_large', `the upstream's answer is larger than ${answerBytesMax} bytes`);
    }
    this.#chunks.push(chunk);
  }

  end(): void {
    const { exchange, sent, encoded, resolve } = this.#delivery.given;
    const [first] = this.#chunks;
    const bytes = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    const result = exchange.target.upstream.adapter.decode(exchange.call, parseAnswer(bytes));
    noteResult(result, exchange);
    if (isCutShort(result) && endsAtBound(sent, result.usage)) throw cutByBudget();
    const body = encoded.verbatim
      ? bytes
      : Buffer.from(exchange.endpoint.renderResult(result, replyFacts(this.#delivery.given)));
    const reply = wholeReply(200, replyHeaders(exchange, 'application/json'), body);
    // Rendering may still find fault with the answer: only what is written cannot fail any more.
    this.#delivery.finish();
    resolve(reply);
  }

  failed(failure: Failure): void {
    this.#delivery.given.reject(failure);
  }

  clientLeft(): void {
    this.#delivery.given.reject(fail('client_gone', 'the client left before the answer was complete'));
  }
}

/** Some servers answer whole whatever they are asked. */
function isCutShort(result: CallResult): boolean {
  return result.kind === 'text' && result.choices.some(({ stop }) => stop === 'length');
}

function parseAnswer(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw fail('bad_upstream_response', "the upstream's answer is not UTF-8");
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw fail('bad_upstream_response', "the upstream's answer is not JSON", { cause });
  }
}
