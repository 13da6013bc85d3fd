/** What is kept of an exchange for good, and what may be asked about it. Never a prompt, an answer or a key. */

import type { Subject } from './subject.ts';

/** Money is counted in whole billionths of a US dollar: a token of the cheapest model is some tens of them. */
export type NanoUsd = number;

export type LedgerOutcome = 'complete' | 'failed' | 'aborted' | 'lost';

/** One row an exchange. Names that are not known are empty. */
export interface LedgerRow {
  /** The exchange's id: a row that comes twice is kept once. */
  readonly id: string;
  /** When the exchange began, on the wall clock. */
  readonly atMs: number;
  readonly tenant: string;
  readonly team: string;
  readonly user: string;
  readonly key: string;
  readonly route: string;
  /** As the client asked for it, after aliases. */
  readonly model: string;
  readonly upstream: string;
  readonly targetModel: string;
  readonly outcome: LedgerOutcome;
  /** Of the failure, or empty. */
  readonly code: string;
  readonly status: number;
  readonly stream: boolean;
  readonly tookMs: number;
  /** 0 where there was none. */
  readonly firstTokenMs: number;
  /** How long it waited for a slot. */
  readonly queuedMs: number;
  /** How often it was sent and failed, the last time too where that was the end. */
  readonly failedTries: number;
  readonly inputTokens: number;
  /** Of the input's, those that the upstream had kept. */
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  /** Of the output's, those of hidden reasoning. */
  readonly reasoningTokens: number;
  readonly priceVersion: string;
  readonly costNanoUsd: NanoUsd;
  /** What the same would have cost more elsewhere, and what saved it. */
  readonly savedNanoUsd: NanoUsd;
  readonly savedBy: '' | (typeof savers)[number];
  readonly facts: LedgerFacts;
}

/** What is true of some exchanges only. Each is absent where it is not: one that comes later changes no row before it. */
export interface LedgerFacts {
  /** Who chose the target, as the configuration calls it. */
  readonly policy?: string;
  readonly why?: ChosenWhy;
  /** Of the target, where the first tier could not. */
  readonly tier?: number;
  /** How often the answer was gone on with elsewhere, after it had begun. */
  readonly carriedOn?: number;
  /** How many requests went in one call upstream, this one included. */
  readonly batchedWith?: number;
  /** Whose answer it was given. */
  readonly sharedFrom?: string;
  /** How many others were given its answer. */
  readonly sharedWith?: number;
  /** How it was served, as the upstream told it, where that was not as usual: `flex`, `priority`. */
  readonly serviceTier?: string;
}

/** What reads where a fact is absent. */
export const absentFacts = {
  policy: '',
  why: '',
  tier: 0,
  carriedOn: 0,
  batchedWith: 0,
  sharedFrom: '',
  sharedWith: 0,
  serviceTier: '',
} as const satisfies Record<keyof LedgerFacts, string | number>;

/**
 * Why it was this target: there was no other; the policy chose it; it was the first to be free again; the tier before
 * could not; or others had failed.
 */
export const chosenWhys = ['only', 'policy', 'freed', 'tier', 'retry'] as const;
export type ChosenWhy = (typeof chosenWhys)[number];

/** What may have saved something. */
export const savers = ['cache', 'routing', 'self-hosting'] as const;

export const ledgerDimensions = [
  'day',
  'tenant',
  'team',
  'user',
  'key',
  'route',
  'model',
  'upstream',
  'targetModel',
  'outcome',
  'savedBy',
] as const;
/** Of these there are no sums beforehand: they are added up from the rows, of so many as `LedgerQuestion` says. */
export const rowDimensions = [
  'code',
  'status',
  'priceVersion',
  'stream',
  'policy',
  'why',
  'tier',
  'carriedOn',
  'batchedWith',
  'sharedFrom',
  'sharedWith',
  'serviceTier',
] as const;
export type LedgerDimension = (typeof ledgerDimensions)[number] | (typeof rowDimensions)[number];

export interface LedgerQuestion {
  /** From the first day on, up to but without the last: `YYYY-MM-DD` in UTC. */
  readonly fromDay: string;
  readonly toDay: string;
  readonly by: readonly LedgerDimension[];
  /** Only rows with exactly these values, of a list any of them: `true` or `false` for `stream`, numbers in figures. Where it or `by` names a `rowDimension`, days with more than 500,000 exchanges are refused. */
  readonly where: Readonly<Partial<Record<Exclude<LedgerDimension, 'day'>, string | readonly string[]>>>;
  readonly rowsMax: number;
  /** From where rows are written, and not from a copy that may lag: for whoever decides by it. */
  readonly exact?: boolean;
}

export interface LedgerSum {
  /** A value for each dimension that was asked for. */
  readonly by: Readonly<Partial<Record<LedgerDimension, string>>>;
  readonly exchanges: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly costNanoUsd: NanoUsd;
  readonly savedNanoUsd: NanoUsd;
}

export interface LedgerPageQuestion extends Omit<LedgerQuestion, 'by' | 'rowsMax' | 'exact'> {
  /** Rows after this one, in order of time and id; from the beginning when absent. */
  readonly after?: string;
  readonly rowsMax: number;
}

export interface LedgerPage {
  readonly rows: readonly LedgerRow[];
  /** For the next page; absent on the last. */
  readonly next?: string;
}

/** What was worked in one hour by one model of one upstream: what servers cost and carry is told from it. */
export interface LedgerHour {
  /** When the hour began. */
  readonly hourMs: number;
  /** Empty for exchanges of which nobody knows where they went. */
  readonly upstream: string;
  readonly targetModel: string;
  readonly exchanges: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly costNanoUsd: NanoUsd;
}

export interface LedgerHoursQuestion {
  /** As in `LedgerQuestion`. */
  readonly fromDay: string;
  readonly toDay: string;
  /** More than these are refused, and not left out: what they cost would be missing. */
  readonly rowsMax: number;
}

export interface LedgerHours {
  /** In order of time, upstream and model. */
  readonly hours: readonly LedgerHour[];
  /** The first hour that is known at all, within the days or before; absent while there is none. */
  readonly firstMs?: number;
}

export interface LedgerErasure {
  readonly subject: Subject;
  /** What began later is somebody else's of the same name. */
  readonly untilMs: number;
  /** Stands where the names were, and tells nobody whose they were. */
  readonly alias: string;
}
