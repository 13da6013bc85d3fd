/** What the gateway needs from the world, in its own words. Every driver of a port passes the port's suite. */
import type { Message } from './call.ts';
import type { Principal } from './exchange.ts';

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

export interface Ledger {
  /** Keeps the row of a finished exchange. Bounded: when it cannot keep up it counts what it lost. */
  append(row: string): void;
  /** Writes out what is still in memory. */
  close(): Promise<void>;
}

export interface Conversations {
  /** The messages so far, oldest first; empty for a conversation nobody has begun. Scoped to the tenant. */
  read(tenant: string, id: string): readonly Message[];
  append(tenant: string, id: string, messages: readonly Message[]): void;
  delete(tenant: string, id: string): boolean;
}
