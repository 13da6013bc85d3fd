/** What is hot, behind its ports: in this process, or shared by all replicas. */
import type { Conversations, Leases, Presence, Sealers, Tickets } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import type { BudgetOption, BudgetsOptions, ConfiguredBudgets } from './budget-rules.ts';
import type { ConversationsOptions } from './conversation-bounds.ts';
import type { ConfiguredRateLimiter, RateLimit } from './limit-rules.ts';

export interface Shared {
  /** Already announced. */
  readonly presence: Presence;
  /** Sealed, each tenant's with its own key, where they leave this process. */
  conversations(options: ConversationsOptions, sealers: Pick<Sealers, 'of'>): Conversations;
  /** The first one: a reload lets it `follow`. */
  rateLimiter(limits: readonly RateLimit[]): ConfiguredRateLimiter;
  /** The first ones: a reload lets them `follow`. */
  budgets(budgets: readonly BudgetOption[], options: BudgetsOptions): ConfiguredBudgets;
  /**
   * True for one of the replicas that ask for the same within that time, and for each of them while nobody can tell. Never
   * rejects.
   */
  claim(name: string, ttlMs: number): Promise<boolean>;
  /** Slots of upstreams; absent where nobody else is there to share them with. */
  readonly leases: Leases | undefined;
  tickets(kind: string, ticketsMax: number): Tickets;
  readonly state: SharedState;
  /** Conversations are kept by whoever shares them; replicas no longer count this one. */
  close(): Promise<void>;
}

export interface SharedState {
  /** What replicas share cannot be reached: each goes by its own part. Replies say so. */
  readonly degraded: boolean;
  /** Turns of conversations that could not be kept. */
  readonly turnsLost: number;
}

export interface SharedContext {
  readonly clock: Clock;
  /** Of this replica, and of no other. */
  readonly id: string;
  /** False of who takes no part of what replicas share: it is not counted among them. */
  readonly serves?: boolean;
  /** Once for each change: what is wrong now, or nothing when all is well again. */
  readonly onTrouble: (trouble: Error | undefined) => void;
}
