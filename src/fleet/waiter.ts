/** A request in the queue: what it wants, since when, and whom to tell. */
import type { Failure } from '../core/failure.ts';
import type { QueuePlace, Want } from '../core/fleet.ts';
import { nextArrival } from '../lib/arrivals.ts';
import type { Timer } from '../lib/clock.ts';
import type { Occupied } from './at-work.ts';
import type { KeptSlots } from './kept-slots.ts';
import type { Standing } from './line.ts';
import type { ModelQueue } from './model-queues.ts';
import type { Seated } from './queue-places.ts';

interface WaiterOptions {
  readonly want: Want;
  /** Whose places are counted together. */
  readonly party: string;
  readonly sinceMs: number;
  /** When it can wait no longer. */
  readonly untilMs: number;
  readonly likelyUntilMs: number;
  readonly admit: (slot: Occupied) => void;
  readonly refuse: (failure: Failure) => void;
  /** It is refused for others. */
  readonly giveWay: (waiter: Waiter) => void;
}

export class Waiter implements Standing, Seated {
  readonly want: Want;
  readonly model: string;
  readonly party: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly likelyUntilMs: number;
  readonly tenant: string;
  readonly key: string;
  readonly tokens: number;
  readonly priority: number;
  readonly answerTokens: number;
  readonly bytes: number;
  readonly places: number;
  readonly admit: (slot: Occupied) => void;
  readonly refuse: (failure: Failure) => void;
  readonly came = nextArrival();
  rank = 0;
  at = -1;
  queue: ModelQueue<Waiter> | undefined = undefined;
  countedBy: KeptSlots | undefined = undefined;
  /** Runs when it can wait no longer. */
  timer: Timer | undefined = undefined;
  readonly #giveWay: (waiter: Waiter) => void;

  constructor({ want, party, sinceMs, untilMs, likelyUntilMs, admit, refuse, giveWay }: WaiterOptions) {
    this.want = want;
    this.model = want.model;
    this.party = party;
    this.sinceMs = sinceMs;
    this.untilMs = untilMs;
    this.likelyUntilMs = likelyUntilMs;
    this.tenant = want.tenant;
    this.key = want.key;
    this.answerTokens = want.answerTokens;
    this.tokens = want.tokens;
    this.priority = want.priority;
    this.bytes = want.bytes;
    this.places = want.places;
    this.admit = admit;
    this.refuse = refuse;
    this.#giveWay = giveWay;
  }

  giveWay(): void {
    this.#giveWay(this);
  }
}

export interface Waiting {
  readonly queueMs: number;
  /** It has to wait: `place` tells where it stands, for as long as it does. */
  onWait?(place: () => QueuePlace | undefined): void;
  onLeave(leave: () => void): void;
}
