/** What someone is told of when something is wrong: the closed table of alerts, and what one says. */

export type Severity = 'info' | 'warning' | 'critical';

/** Those of one kind are told together. */
export const alertKinds = {
  /** A share of a budget is spent. Labels: budget, per, holder, share. */
  budget_spent: 'warning',
  /** An answer cost more than twice what was reserved for it. Labels: upstream, model, exchange. */
  cost_doubted: 'warning',
  /** Something the gateway stands on is away, and it goes on with less. Labels: dependency. */
  degraded: 'critical',
  /** Asked for by hand. */
  test: 'info',
} as const satisfies Record<string, Severity>;

export type AlertKind = keyof typeof alertKinds;

export interface Alert {
  readonly kind: AlertKind;
  /** Stands for this occurrence: what is said twice under one key is told once. */
  readonly key: string;
  /** One sentence for people. */
  readonly summary: string;
  readonly labels: Readonly<Record<string, string>>;
  /** On the wall clock. */
  readonly startsAtMs: number;
  /** It is over. Told only where its beginning was. */
  readonly resolved?: boolean;
}

/** What goes out at once, to every receiver alike. */
export interface Notice {
  /** The same at every attempt: a receiver that got it twice can tell. */
  readonly id: string;
  readonly atMs: number;
  readonly alerts: readonly Alert[];
  /** How many more there were than are in it. */
  readonly more: number;
}

/** What came of one attempt to deliver a notice. */
export type Attempt =
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'failed'; readonly says: string; readonly retryAfterMs?: number }
  /** The receiver wants no more. */
  | { readonly outcome: 'gone'; readonly says: string };

/** How notices reach one receiver. */
export interface Way {
  /** For people: never the whole address, which may be a secret. */
  readonly name: string;
  /** Once. Never rejects. */
  send(notice: Notice, signal: AbortSignal): Promise<Attempt>;
}
