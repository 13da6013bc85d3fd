/** What upstreams work on at this moment: so that it ends in good order when the gateway stops before it has ended. */
import type { Failure } from '../core/failure.ts';
import { Crowd, type Member } from '../lib/crowd.ts';

export interface CallUnderWay extends Member {
  /** Whether its client reads it as it comes. */
  readonly streams: boolean;
  /** Whether it waits for that server, its client has heard nothing of the answer, and one of those others could be asked. */
  mayLeave(leaving: Leaving): boolean;
  /** What has been said so far stays said; a stream tells why nothing follows. */
  stop(failure: Failure): void;
}

/** Which server says nothing, and who else does. */
export interface Leaving {
  readonly server: string;
  /** By name. */
  readonly others: ReadonlySet<string>;
  /** How many times an exchange may be sent at most. */
  readonly attempts: number;
}

export class CallsUnderWay {
  readonly #all = new Crowd<CallUnderWay>();
  /** Why those end that would begin now. */
  #streamsEnd: Failure | undefined;
  #wholesEnd: Failure | undefined;

  /** Ends it at once where its kind was stopped: who waited for a slot is given that of one that was, and nobody would read it. */
  add(call: CallUnderWay): void {
    this.#all.add(call);
    const end = call.streams ? this.#streamsEnd : this.#wholesEnd;
    if (end !== undefined) call.stop(end);
  }

  delete(call: CallUnderWay): void {
    this.#all.delete(call);
  }

  /** Ends the wait of those that may be sent elsewhere, at most so many: how many did, of how many. */
  takeOff(leaving: Leaving, most: number, failure: Failure): { readonly left: number; readonly of: number } {
    const waiting = [...this.#all.members].filter((call) => call.mayLeave(leaving));
    const chosen = waiting.slice(0, most);
    for (const call of chosen) call.stop(failure);
    return { left: chosen.length, of: waiting.length };
  }

  /** For good: those that are under way, and those that would be. */
  stop(which: 'streams' | 'wholes', failure: Failure): void {
    if (which === 'streams') this.#streamsEnd = failure;
    else this.#wholesEnd = failure;
    for (const call of [...this.#all.members]) if (call.streams === (which === 'streams')) call.stop(failure);
  }
}
