/** A request in the queue: what it wants, since when, and whom to tell. */
import type { Failure } from '../core/failure.ts';
import type { Want } from '../core/fleet.ts';
import type { Timer } from '../lib/clock.ts';
import type { Standing } from './line.ts';
import type { Occupied } from './scheduler.ts';

interface WaiterOptions {
  readonly want: Want;
  /** Whose places are counted together. */
  readonly party: string;
  readonly sinceMs: number;
  readonly admit: (slot: Occupied) => void;
  readonly refuse: (failure: Failure) => void;
}

export class Waiter implements Standing {
  readonly want: Want;
  readonly party: string;
  readonly sinceMs: number;
  readonly tenant: string;
  readonly key: string;
  readonly tokens: number;
  readonly priority: number;
  readonly bytes: number;
  readonly admit: (slot: Occupied) => void;
  readonly refuse: (failure: Failure) => void;
  timer: Timer | undefined = undefined;

  constructor({ want, party, sinceMs, admit, refuse }: WaiterOptions) {
    this.want = want;
    this.party = party;
    this.sinceMs = sinceMs;
    this.tenant = want.tenant;
    this.key = want.key;
    this.tokens = want.tokens;
    this.priority = want.priority;
    this.bytes = want.bytes;
    this.admit = admit;
    this.refuse = refuse;
  }
}
