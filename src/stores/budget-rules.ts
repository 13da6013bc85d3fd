/**
 * Budgets as every driver counts them: which apply to whom, when their windows begin and end, and what a spend comes to
 * in each. What is counted belongs to a scope (per whom, in which unit, in which window) and to a holder, whatever the
 * limit is: a budget that is raised in the middle of a month remembers what was spent.
 */
import type { BudgetDecision, BudgetStanding, BudgetSubject, Left, Spend } from '../core/budget.ts';
import type { Budgets } from '../core/ports.ts';

export type BudgetUnit = BudgetStanding['unit'];

export interface BudgetOption {
  readonly name?: string | undefined;
  readonly per: 'key' | 'user' | 'team' | 'tenant' | 'global';
  readonly of?: string | undefined;
  readonly usd?: number | undefined;
  readonly tokens?: number | undefined;
  readonly requests?: number | undefined;
  readonly window: 'day' | 'week' | 'month' | 'total';
  readonly alertAt: readonly number[];
}

/** Counted together, and apart from all else. */
export interface BudgetScope {
  /** The same in every replica and after every reload. */
  readonly id: string;
  readonly per: BudgetOption['per'];
  readonly unit: BudgetUnit;
  readonly window: BudgetOption['window'];
}

export interface BudgetRule {
  readonly scope: BudgetScope;
  readonly name: string;
  /** What it allows, for people. */
  readonly told: string;
  /** In the unit's whole numbers. */
  readonly limit: number;
  /** Ascending. */
  readonly alertAt: readonly number[];
}

/** The budget that holds for each holder of a scope: their own, or the usual one. */
interface ScopeRules {
  readonly scope: BudgetScope;
  readonly usual: BudgetRule | undefined;
  readonly own: ReadonlyMap<string, BudgetRule>;
}

export type BudgetRules = readonly ScopeRules[];

/** A budget, and whose: what is to be spent from. */
export interface Purse {
  readonly rule: BudgetRule;
  readonly holder: string;
}

export interface BudgetWindow {
  readonly startMs: number;
  /** 0 where it never ends. */
  readonly endMs: number;
}

/** What was spent in a window before whoever asks began to count. */
export interface SpentQuestion {
  readonly scope: BudgetScope;
  readonly holder: string;
  readonly window: BudgetWindow;
  /** Whether we ourselves may have spent some of it meanwhile. */
  readonly alsoOurs: boolean;
}

/** What was known to be spent when a gateway last looked, in an earlier run of it. Never a fact to count by. */
export interface LastLook {
  readonly spent: number;
  /** What may have been spent besides. */
  readonly owed: number;
  /** Of that, what was given away by the look before, while nobody could be asked: no start gives it away again. */
  readonly alone: number;
}

/** What is known to be spent of an account, for a start at which nobody can be asked. */
export interface KnownSpend extends LastLook {
  readonly scopeId: string;
  readonly holder: string;
  readonly startMs: number;
  readonly endMs: number;
}

export interface BudgetsOptions {
  /** In the scope's unit. Rejects when nobody can tell now. */
  readonly spentBefore: (question: SpentQuestion) => Promise<number>;
  /** Asked where nobody can tell. Nothing where nobody remembers; absent where nothing is kept. Never rejects. */
  readonly lastLook?: (question: SpentQuestion) => Promise<LastLook | undefined>;
  /** A share of a budget is spent: told once for each window and holder, over all replicas. May not throw. */
  readonly onCrossed: (standing: BudgetStanding, share: number) => void;
}

export interface ConfiguredBudgets extends Budgets {
  /** Whether there are none: nobody has to ask then. */
  readonly none: boolean;
  /** Of each account of which anything is known, or was when we last looked: one by one, for there may be many. */
  known(): Iterable<KnownSpend>;
  /** The budgets of a new configuration: what was spent is remembered. */
  follow(budgets: readonly BudgetOption[]): ConfiguredBudgets;
}

export const unlimited: BudgetDecision = { allowed: true };
export const unavailable: BudgetDecision = { allowed: false, why: 'unavailable' };

/** Whoever holds something for longer without a word is taken for dead: it counts as spent at what was reserved. */
export const leaseMs = 15 * 60_000;
/**
 * Nobody waits longer for what was spent before; longer than a query of the ledger may take on a busy machine. It is found out
 * all the same, for those who come later.
 */
export const findMs = 3_000;
/** Holders of one scope that are kept at once. */
export const holdersMax = 100_000;

/** Later ones take the place of earlier ones for the same holders. */
export function budgetRulesOf(budgets: readonly BudgetOption[]): BudgetRules {
  const scopes = new Map<string, { scope: BudgetScope; usual?: BudgetRule; own: Map<string, BudgetRule> }>();
  for (const budget of budgets) {
    const unit = unitOf(budget);
    const id = `${budget.per}:${unit}:${budget.window}`;
    const rules = scopes.get(id) ?? {
      scope: { id, per: budget.per, unit, window: budget.window },
      own: new Map<string, BudgetRule>(),
    };
    scopes.set(id, rules);
    const rule = ruleOf(budget, rules.scope);
    if (budget.of === undefined) rules.usual = rule;
    else rules.own.set(placedHolder(budget.per, budget.of), rule);
  }
  return [...scopes.values()].map(({ scope, usual, own }) => ({ scope, usual, own }));
}

function unitOf({ usd, tokens }: BudgetOption): BudgetUnit {
  if (usd !== undefined) return 'usd';
  return tokens === undefined ? 'requests' : 'tokens';
}

const nanoPerUsd = 1_000_000_000;

function ruleOf(budget: BudgetOption, scope: BudgetScope): BudgetRule {
  const { usd, tokens, requests } = budget;
  const limit = usd === undefined ? (tokens ?? requests ?? 0) : Math.round(usd * nanoPerUsd);
  const alertAt = [...new Set(budget.alertAt)].sort((one, other) => one - other);
  const allows = allowanceOf(budget, scope);
  const { name = allows } = budget;
  return { scope, name, told: name === allows ? allows : `${name}: ${allows}`, limit, alertAt };
}

const amounts = {
  usd: ({ usd }: BudgetOption) => `${usd} USD`,
  tokens: ({ tokens }: BudgetOption) => `${tokens} tokens`,
  requests: ({ requests }: BudgetOption) => `${requests} requests`,
} as const;

function allowanceOf(budget: BudgetOption, { unit }: BudgetScope): string {
  const { per, window } = budget;
  const span = window === 'total' ? 'in total' : `a ${window}`;
  const whose = budget.of === undefined ? `each ${per}` : `the ${per} ${budget.of}`;
  return `${amounts[unit](budget)} ${span} for ${per === 'global' ? 'all together' : whose}`;
}

/** Of two tenants with users of one name, each has its own: a name alone is one of the tenant that has no name. */
function placedHolder(per: BudgetOption['per'], of: string): string {
  return per === 'tenant' || of.includes('/') ? of : `default/${of}`;
}

/** Everything that a subject spends from. */
export function pursesOf(rules: BudgetRules, subject: BudgetSubject): readonly Purse[] {
  const purses: Purse[] = [];
  for (const { scope, usual, own } of rules) {
    const holder = holderOf(scope.per, subject);
    if (holder === undefined) continue;
    const rule = own.get(holder) ?? usual;
    if (rule !== undefined) purses.push({ rule, holder });
  }
  return purses;
}

function holderOf(per: BudgetOption['per'], subject: BudgetSubject): string | undefined {
  if (per === 'global') return '';
  const name = subject[per];
  if (name === '') return undefined;
  return per === 'tenant' ? name : `${subject.tenant}/${name}`;
}

const amountIn = {
  usd: ({ nanoUsd }: Spend) => nanoUsd,
  tokens: ({ tokens }: Spend) => tokens,
  requests: ({ requests }: Spend) => requests,
} as const;

/** The budget that holds for a holder, if there still is one. */
export function ruleFor(rules: BudgetRules, scopeId: string, holder: string): BudgetRule | undefined {
  const found = rules.find(({ scope }) => scope.id === scopeId);
  return found?.own.get(holder) ?? found?.usual;
}

/** The highest share at which somebody is to be told, of those that are spent; 0 for none. */
export function shareSpent({ alertAt, limit }: BudgetRule, spent: number): number {
  for (let at = alertAt.length - 1; at >= 0; at -= 1) {
    const share = alertAt[at] ?? 0;
    if (spent >= share * limit) return share;
  }
  return 0;
}

/** Of each limit, for all replicas together, while nobody counts for all of them. */
const allottedShare = 0.05;

/** What a replica may give away by itself: a part of what is left as far as is known, and never much. */
export function allottedOf({ limit }: BudgetRule, gone: number, replicas: number): number {
  return Math.floor(Math.min(limit * allottedShare, Math.max(0, limit - gone)) / replicas);
}

/** The same by what an earlier run knew. */
export function allottedBy(rule: BudgetRule, { spent, owed, alone }: LastLook, replicas: number): number {
  return Math.min(allottedOf(rule, spent + owed, replicas), allottedOf(rule, spent, replicas) - alone);
}

export interface Count {
  readonly spent: number;
  readonly reserved: number;
}

export function standingOf({ rule, holder }: Purse, window: BudgetWindow, count: Count): BudgetStanding {
  const { per, unit } = rule.scope;
  const { spent, reserved } = count;
  const named = { name: rule.name, per, holder, unit, limit: rule.limit, spent, reserved };
  return { ...named, windowStartMs: window.startMs, windowEndMs: window.endMs };
}

/** Rounded up: a part of the smallest unit is one. Never less than nothing. */
export function amountOf({ unit }: BudgetScope, spend: Spend): number {
  return Math.max(0, Math.ceil(amountIn[unit](spend)));
}

/** What each budget has left, as the least of them in each unit: requests are no length. */
export function leftOf(parts: readonly { readonly rule: BudgetRule; readonly left: number }[]): Left {
  const least = { nanoUsd: Number.POSITIVE_INFINITY, tokens: Number.POSITIVE_INFINITY };
  for (const { rule, left } of parts) {
    const { unit } = rule.scope;
    if (unit === 'usd') least.nanoUsd = Math.min(least.nanoUsd, Math.max(0, left));
    if (unit === 'tokens') least.tokens = Math.min(least.tokens, Math.max(0, left));
  }
  return least;
}

const dayMs = 86_400_000;
/** 1970 began on a Thursday. */
const mondayMs = 4 * dayMs;

export function windowAt(window: BudgetOption['window'], wallMs: number): BudgetWindow {
  if (window === 'total') return { startMs: 0, endMs: 0 };
  if (window === 'month') {
    const at = new Date(wallMs);
    const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
    return { startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
  }
  const spanMs = window === 'day' ? dayMs : 7 * dayMs;
  const offsetMs = window === 'day' ? 0 : mondayMs;
  const startMs = Math.floor((wallMs - offsetMs) / spanMs) * spanMs + offsetMs;
  return { startMs, endMs: startMs + spanMs };
}

export function refusedBy({ told }: BudgetRule, { endMs }: BudgetWindow, wallMs: number): BudgetDecision {
  const refusal = { allowed: false, why: 'spent', budget: told } as const;
  if (endMs === 0) return refusal;
  return { ...refusal, retryAfterS: Math.max(1, Math.ceil((endMs - wallMs) / 1000)) };
}
