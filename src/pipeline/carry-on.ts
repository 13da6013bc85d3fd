/** Has a stream that broke off gone on with elsewhere: the only exception to "no retry after the first content byte". */
import type { Planned, Target, Upstream } from '../core/exchange.ts';
import type { Failure } from '../core/failure.ts';
import type { Stage } from '../core/stage.ts';
import type { Trail } from '../core/trail.ts';
import type { Member } from '../lib/crowd.ts';
import { CarriedStream } from './carried-stream.ts';
import { isContinuable } from './continuable.ts';
import type { LineOptions } from './line-comments.ts';

export interface CarryOnOptions extends LineOptions {
  /** How often a stream is gone on with at most; 0 for never. */
  readonly triesMax: number;
  /** Whether clients of SSE are told of it, in a comment. */
  readonly comment: boolean;
  /** Whether streams of a model, as clients call it, are gone on with at all. */
  readonly isOn: (model: string) => boolean;
  /** Whether the server there goes on with what another began. Asked only once a stream has broken off. */
  readonly goesOn: (exchange: Planned, target: Target) => boolean;
  readonly isWell: (upstream: Upstream) => boolean;
  /** Whether anything new may be sent there: not where an operator has drained it. */
  readonly isOpen: (upstream: Upstream) => boolean;
  /** Whether one more may be asked: it is a retry like any other, and the request may be what breaks servers (G17). */
  readonly isAllowed: (exchange: Planned, failure: Failure) => boolean;
  /** Where streams are found that are to be moved. */
  readonly streams: Moving;
  /** Told of each time, the last of the trail. */
  readonly onCarriedOn: (trail: Trail) => void;
}

export interface Moving {
  enter(stream: Movable): void;
  leave(stream: Movable): void;
}

export interface Movable extends Member {
  /** Who says it now, by name. */
  readonly upstream: string;
  /** Has the rest said elsewhere; false where that cannot be, and then nothing happens. */
  move(why: Failure): boolean;
}

export function carryOn(options: CarryOnOptions): Stage<Planned> {
  return (next) => (exchange) => {
    const { trail, call } = exchange;
    if (!call.stream || options.triesMax === 0 || !options.isOn(trail.model) || !isContinuable(call)) {
      return next(exchange);
    }
    const carried = new CarriedStream({ exchange, next, options });
    return next({ ...exchange, carried }).then((first) => carried.reply(first));
  };
}
