/**
 * What the sums say is too large, idle or dear. Each piece carries what it was judged by and where the line is: what
 * cannot be told from the ledger is not advised.
 */
import type { LedgerHour } from '../core/ledger.ts';
import type { Price } from './price.ts';
import type { Span } from './server-time.ts';
import type { TrueCosts } from './true-costs.ts';

export const adviceKinds = [
  'server-idle',
  'servers-too-large',
  'server-dearer-than-others',
  'server-priced-wrong',
  'server-unpriced',
  'billed-while-idle',
  'model-unused',
] as const;

export interface Advice {
  readonly kind: (typeof adviceKinds)[number];
  /** The upstreams, or models of upstreams, that it is about. */
  readonly about: readonly string[];
  readonly text: string;
  readonly evidence: Readonly<Record<string, number>>;
  /** What the evidence is held against. */
  readonly threshold: Readonly<Record<string, number>>;
}

export interface NamedPrice {
  readonly name: string;
  readonly price: Price;
}

export interface AdviceTarget {
  readonly upstream: string;
  readonly targetModel: string;
  /** Where somebody sends bills for it. */
  readonly billed: Price | undefined;
}

export interface AdviceAsked {
  readonly span: Span;
  /** As in `CostsAsked`. */
  readonly firstMs: number | undefined;
  readonly hours: readonly LedgerHour[];
  readonly costs: TrueCosts;
  /** What clients can ask for, and what stands behind it. */
  readonly models: ReadonlyMap<string, readonly AdviceTarget[]>;
  /** With what servers are compared besides: the premium model, or the one that was asked for. */
  readonly against: NamedPrice | undefined;
  /** The operator's own upstreams of which nobody said what they cost. */
  readonly unpriced: ReadonlySet<string>;
  /** What the operator's servers hold ready at this moment, as far as they tell. */
  readonly loaded: readonly { readonly upstream: string; readonly model: string }[];
}
