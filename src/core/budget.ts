/** What may be spent: by whom, in which span of time, counted in money, tokens or requests. */
import type { Found } from './found.ts';
import type { NanoUsd } from './ledger.ts';

/** What an exchange takes from a budget. */
export interface Spend {
  readonly nanoUsd: NanoUsd;
  /** Of question and answer together. */
  readonly tokens: number;
  readonly requests: number;
}

/** Whose budgets apply, by the names within the tenant. Empty names have none of their own. */
export interface BudgetSubject {
  readonly key: string;
  readonly user: string;
  readonly team: string;
  readonly tenant: string;
  /** The same for all that one caller asks. Absent where callers are not told apart: then all is looked up each time. */
  readonly found?: Found;
}

export type BudgetDecision =
  | {
      readonly allowed: true;
      /** Absent where no budget applies. */
      readonly reservation?: Reservation;
    }
  | {
      readonly allowed: false;
      readonly why: 'spent';
      /** Names the budget, its amount and its window, for people. */
      readonly budget: string;
      /** When there is something to spend again, if that is known. */
      readonly retryAfterS?: number;
    }
  /** Nobody can tell now what is left: our own outage, and never a spent budget (503). */
  | { readonly allowed: false; readonly why: 'unavailable' };

export type Left = Pick<Spend, 'nanoUsd' | 'tokens'>;

export type Extension = 'extended' | 'spent' | 'unavailable';

/** What is set aside for one exchange. Whoever dies with it has it given back after a while, at what was reserved. */
export interface Reservation {
  /** What its budgets have left besides all that is set aside, as far as it was heard last; infinite in what none of them counts. */
  readonly left: Left;
  /** Sets more aside, all of it or nothing. Never rejects. */
  extend(more: Spend): Extension | Promise<Extension>;
  /** Once: how much it came to in the end. What was reserved beyond that is free again. Neither waits nor throws. */
  settle(spent: Spend): void;
}

/** What tokens cost at a target, told before it is asked: the dearest of what may be charged for each. */
export interface TokenRates {
  /** Trillionths of a US dollar a token. */
  readonly inputPicoUsd: number;
  readonly outputPicoUsd: number;
}

/** An answer that comes as a stream, counted against what is set aside for it. */
export interface StreamMeter {
  /**
   * How many tokens the answer may come to there in all, by what is left: what is hidden of it nobody here can count.
   * Absent where that is no less than what was asked for, or than its model may be asked for.
   */
  bound(upstream: string, targetModel: string): number | undefined;
  /** A stream begins there: from now on that target's prices hold. */
  open(upstream: string, targetModel: string): void;
  /** Told of how many tokens have come in all, before the last are passed on. What forbids those, if anything does. */
  count(tokens: number): 'spent' | 'unavailable' | undefined;
  /** What came so far has to be paid for, and is asked about again by whoever goes on with it: `open` follows. */
  carryOn(): void;
  /** Settles when more may be passed on, or never again; absent while nothing has to be waited for. */
  readonly waiting: Promise<void> | undefined;
}

/** How far a budget is spent: for people and for alerts. */
export interface BudgetStanding {
  /** As the configuration names it. */
  readonly name: string;
  readonly per: string;
  /** Whose it is; empty for everybody's. */
  readonly holder: string;
  readonly unit: 'usd' | 'tokens' | 'requests';
  /** In the unit's own whole numbers: billionths of a dollar, tokens, requests. */
  readonly limit: number;
  readonly spent: number;
  readonly reserved: number;
  readonly windowStartMs: number;
  /** 0 where the window never ends. */
  readonly windowEndMs: number;
}
