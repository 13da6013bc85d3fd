/** What the gateway needs from the world, in its own words. Every driver of a port passes the port's suite. */
import type { Message } from './call.ts';
import type { Principal } from './exchange.ts';
import type { LedgerPage, LedgerPageQuestion, LedgerQuestion, LedgerRow, LedgerSum } from './ledger.ts';

export interface KeyStore {
  /** The principal of a key, or nothing when no such key exists. Never throws for a bad key. */
  find(key: string): Principal | undefined;
}

export type LimitDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly limit: string; readonly retryAfterS: number };

export interface RateLimiter {
  /** Atomic in every driver: all the limits that apply are taken, or none. */
  take(subject: LimitSubject): LimitDecision;
}

export interface LimitSubject {
  readonly key: string;
  readonly tenant: string;
  readonly address: string;
  /** The route's name: all the paths that lead to it count as one. */
  readonly route: string;
  readonly onLoopback: boolean;
}

export interface Spool {
  /** Keeps the row of a finished exchange. Bounded: when it cannot keep up it counts what it lost. */
  append(row: string): void;
  /** How many rows could not be kept. */
  readonly lost: number;
  /** Writes out what is still in memory. */
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

export interface Conversations {
  /** The messages so far, oldest first; empty for a conversation nobody has begun. Scoped to the tenant. */
  read(tenant: string, id: string): readonly Message[];
  append(tenant: string, id: string, messages: readonly Message[]): void;
  delete(tenant: string, id: string): boolean;
}
