/** What the gateway needs from the world, in its own words. Every driver of a port passes the port's suite. */
import type { Message } from './call.ts';
import type { Principal } from './exchange.ts';
import type { LedgerPage, LedgerPageQuestion, LedgerQuestion, LedgerRow, LedgerSum } from './ledger.ts';

export interface KeyStore {
  /** The principal of a key, or nothing when no such key exists. Never throws for a bad key. */
  find(key: string): Principal | undefined;
}

export type LimitDecision =
  | {
      readonly allowed: true;
      /** Where tokens were taken beforehand: to be told, once, how many it came to. Neither waits nor throws. */
      readonly settle?: (tokens: number) => void;
    }
  | { readonly allowed: false; readonly limit: string; readonly retryAfterS: number };

export interface RateLimiter {
  /**
   * Atomic in every driver: all the limits that apply are taken, or none. Never rejects: without the store that replicas
   * share each enforces its part. At once where nothing is to be waited for, so that it costs no promise.
   */
  take(subject: LimitSubject): LimitDecision | Promise<LimitDecision>;
  /** Whether there are limits that ask for the call: those are taken once it is known. */
  readonly limitsCalls: boolean;
}

export interface LimitSubject {
  readonly key: string;
  readonly tenant: string;
  readonly address: string;
  /** The route's name: all the paths that lead to it count as one. */
  readonly route: string;
  readonly onLoopback: boolean;
  /** What is known only once the request was read. With it the limits that ask for it are taken, without it the others. */
  readonly call?: LimitedCall;
}

export interface LimitedCall {
  /** The name that clients see. */
  readonly model: string;
  /** What it will most likely come to, question and answer together. */
  readonly tokens: number;
}

/** What exchanges cost, on its way to the ledger: a process that dies forgets none of it (G21). */
export interface Spool {
  /** Says that something is about to be spent. Resolves when that is in the file, or counted as lost: it never rejects. */
  intend(line: string): Promise<void>;
  /** Says how it ended: in the file at the end of the turn. */
  settle(line: string): void;
  /** How many lines could not be kept. */
  readonly lost: number;
  /** Ships what is left, once; the rest is there at the next start. */
  close(): Promise<void>;
}

/** Finished exchanges for good, off the request path: the spool is shipped to it. */
export interface Ledger {
  /** All rows are kept, or none and it rejects. A row whose id is there already changes nothing, sums included. */
  append(rows: readonly LedgerRow[]): Promise<void>;
  /** Ordered by the dimensions asked for. Answers from sums by day and never reads the rows. */
  sum(question: LedgerQuestion): Promise<readonly LedgerSum[]>;
  page(question: LedgerPageQuestion): Promise<LedgerPage>;
}

/** At once where nothing is to be waited for. */
export interface Conversations {
  /**
   * The messages so far, oldest first; empty for a conversation nobody has begun. Scoped to the tenant. Rejects with
   * `dependency_unavailable` while the store is away: an answer that forgot what was said would be a wrong one.
   */
  read(tenant: string, id: string): readonly Message[] | Promise<readonly Message[]>;
  /** Whole or not at all, also when others append to the same conversation. Never rejects: the answer is already out. */
  append(tenant: string, id: string, messages: readonly Message[]): void | Promise<void>;
  delete(tenant: string, id: string): boolean | Promise<boolean>;
}

/** The replicas of this gateway: how many there are, and words between them. */
export interface Presence {
  /** Tells that this replica is there, until it is closed. */
  announce(): Promise<void>;
  /** At least 1, and what was last known while nobody can tell. */
  count(): number;
  /** To all replicas, this one too. False when it could not be sent; whoever was cut off is told so when it is back. */
  publish(channel: string, message: string): Promise<boolean>;
  /** Until what it gives is called. */
  subscribe(channel: string, listener: PresenceListener): () => void;
  close(): Promise<void>;
}

/** Neither may throw. */
export interface PresenceListener {
  message(text: string): void;
  /** Messages may have been missed: what they would have told has to be looked up. */
  missed(): void;
}
