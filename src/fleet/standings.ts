/** What those who wait are told of where they stand, and those who are refused of when it is worth coming again. */
import type { Failure, QueueStanding } from '../core/failure.ts';
import type { QueuePlace, Want } from '../core/fleet.ts';
import type { Clock } from '../lib/clock.ts';
import { DrainRates } from './drain-rates.ts';
import type { ModelQueues } from './model-queues.ts';
import { queueFull, queueTimeout } from './queue-failures.ts';
import type { QueuePlaces } from './queue-places.ts';
import { type QueueView, viewQueue } from './queue-view.ts';
import type { Waiter } from './waiter.ts';

export interface StandingsOptions {
  readonly clock: Clock;
  readonly queues: ModelQueues<Waiter>;
  readonly places: QueuePlaces;
}

export class Standings {
  readonly #options: StandingsOptions;
  readonly #drained = new DrainRates();

  constructor(options: StandingsOptions) {
    this.#options = options;
  }

  /** Somebody who waited for the model was given a slot. */
  moved(model: string, nowMs: number): void {
    this.#drained.tell(model, nowMs);
  }

  placeOf(waiter: Waiter): QueuePlace | undefined {
    const ahead = this.#options.queues.ahead(waiter);
    if (ahead === undefined) return undefined;
    return { position: ahead + 1, expectedMs: this.#expectedMs(waiter.model, ahead + 1) };
  }

  full(want: Want, message: string): Failure {
    return queueFull(message, this.#behindAll(want));
  }

  tooLate(want: Want, waitMs: number): Failure {
    return queueTimeout(waitMs, this.#behindAll(want));
  }

  /** For people. */
  view(all: Iterable<Waiter>): readonly QueueView[] {
    const { clock, queues, places } = this.#options;
    return Array.from(queues.models, (model) => {
      const waiters = [...all].filter(({ want }) => want.model === model);
      return viewQueue(model, waiters, {
        nowMs: clock.now(),
        bytes: places.bytesOf(model),
        placeOf: (waiter) => this.placeOf(waiter),
        expectedMs: this.#expectedMs(model, waiters.length + 1),
      });
    });
  }

  /** Behind all who wait now for the model. */
  #behindAll({ model }: Want): QueueStanding {
    const position = this.#options.queues.waitingFor(model) + 1;
    return { position, expectedMs: this.#expectedMs(model, position) };
  }

  #expectedMs(model: string, count: number): number | undefined {
    return this.#drained.expectedMs(model, { count, nowMs: this.#options.clock.now() });
  }
}
