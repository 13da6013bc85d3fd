/** What upstreams work on at this moment: so that it ends in good order when the gateway stops before it has ended. */
import type { Failure } from '../core/failure.ts';
import { Crowd, type Member } from '../lib/crowd.ts';

export interface CallUnderWay extends Member {
  /** Whether its client reads it as it comes. */
  readonly streams: boolean;
  /** What has been said so far stays said; a stream tells why nothing follows. */
  stop(failure: Failure): void;
}

export class CallsUnderWay {
  readonly #all = new Crowd<CallUnderWay>();

  add(call: CallUnderWay): void {
    this.#all.add(call);
  }

  delete(call: CallUnderWay): void {
    this.#all.delete(call);
  }

  stop(which: 'streams' | 'wholes', failure: Failure): void {
    for (const call of [...this.#all.members]) if (call.streams === (which === 'streams')) call.stop(failure);
  }
}
