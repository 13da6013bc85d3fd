/**
 * A stream for a client that wants a whole answer, which has no bound of its own although a budget bounds it: counted
 * as it comes, so that it can be stopped where the money ends. The client sees all of it or a failure, never a part.
 */
import { type Failure, fail } from '../core/failure.ts';
import type { Part } from '../core/part.ts';
import { wholeReply } from '../core/stage.ts';
import { AnswerCollector } from './answer-collector.ts';
import { cutByBudget } from './bounded-call.ts';
import type { Delivery } from './delivery.ts';
import { EventReader } from './event-reader.ts';
import { replyFacts, replyHeaders } from './reply-facts.ts';

const endings = {
  spent: cutByBudget,
  unavailable: () =>
    fail(
      'dependency_unavailable',
      'nobody can tell what is left of the budget: the answer was cut; try again',
    ),
} as const;

export class CollectingReader extends EventReader {
  readonly #collector: AnswerCollector;

  constructor(delivery: Delivery) {
    super(delivery);
    this.#collector = new AnswerCollector(delivery.given.options.answerBytesMax);
  }

  failed(failure: Failure): void {
    this.complete = true;
    this.delivery.given.reject(failure);
  }

  clientLeft(): void {
    this.complete = true;
    this.delivery.given.reject(fail('client_gone', 'the client left before the answer was complete'));
  }

  protected passPart(part: Part): void {
    this.#collector.add(part);
  }

  protected contentCame(): void {
    this.delivery.watchdog.enter('idle');
  }

  protected markerCame(): void {
    const { given } = this.delivery;
    const { endpoint, trail, transcript } = given.exchange;
    const result = this.#collector.result();
    const body = Buffer.from(endpoint.renderResult(result, replyFacts(given)));
    const [first] = result.choices;
    trail.stop = first?.stop;
    if (first !== undefined) transcript?.add(first.text);
    this.complete = true;
    this.delivery.linger();
    given.resolve(wholeReply(200, replyHeaders(given.exchange, 'application/json'), body));
  }

  protected ending(forbidden: 'spent' | 'unavailable'): Failure {
    return endings[forbidden]();
  }

  protected passComment(): void {}
  protected passEvent(): void {}
  protected flush(): void {}
}
