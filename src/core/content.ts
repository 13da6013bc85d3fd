/** What was said in an exchange, of tenants that have it kept. */
import type { Owner } from './subject.ts';

export interface Content {
  /** Of the exchange. */
  readonly id: string;
  readonly owner: Owner;
  /** When the exchange began, on the wall clock. */
  readonly atMs: number;
  readonly said: Said;
}

export interface Said {
  readonly route: string;
  readonly model: string;
  readonly outcome: string;
  /** As the client sent it: messages, a prompt, or texts to embed. As text where it had to be cut. */
  readonly prompt: unknown;
  readonly answer: string;
  /** Whether either was longer than is kept. */
  readonly cut: boolean;
}

export interface SealedContent extends Owner {
  readonly id: string;
  readonly atMs: number;
  readonly expiresAtMs: number;
  readonly sealed: Uint8Array;
}

export interface Pruned {
  readonly removed: number;
  /** Whether there are any left, whose time will come. */
  readonly left: boolean;
}
