/** Who waits for one model, and whose turn it is: by priority, then fairly between tenants and their keys, then by age. */
import type { Weights } from '../core/fleet.ts';
import { FairTurns } from './fair-turns.ts';
import { InTimeLine } from './in-time-line.ts';
import { ArrivalLine, type InnerLine, type Line, type Standing } from './line.ts';
import { PriorityLine } from './priority-line.ts';
import { ShortestLine } from './shortest-line.ts';

export interface QueueRules {
  /** Between whom slots are shared: tenants and then their keys, all keys alike, or nobody. */
  readonly fairness: 'tenant' | 'key' | 'none';
  /** Who goes first of those that share nothing with each other any more. */
  readonly order: 'fifo' | 'shortest';
  /** Who is passed over for longer has turns of its own. */
  readonly agingMs: number;
}

/** `weights`: of tenants, or of keys where slots are shared between all of them alike. */
export function createFairQueue<W extends Standing>(
  { fairness, order, agingMs }: QueueRules,
  weights?: Weights,
): Line<W> {
  const inner = () => new InTimeLine<W>(order === 'shortest' ? new ShortestLine(agingMs) : new ArrivalLine());
  const shared: Readonly<Record<QueueRules['fairness'], () => InnerLine<W>>> = {
    tenant: () => new FairTurns(tenantOf, () => new FairTurns(keyWithinTenant, inner), weights),
    key: () => new FairTurns(keyOf, inner, weights),
    none: inner,
  };
  return new PriorityLine(agingMs, shared[fairness]);
}

/** Whose places are counted together. */
export function partyOf(one: Pick<Standing, 'tenant' | 'key'>, fairness: QueueRules['fairness']): string {
  return fairness === 'tenant' ? one.tenant : keyOf(one);
}

function tenantOf({ tenant }: Pick<Standing, 'tenant'>): string {
  return tenant;
}

function keyWithinTenant({ key }: Pick<Standing, 'key'>): string {
  return key;
}

/** The same name in two tenants is two. */
function keyOf({ tenant, key }: Pick<Standing, 'tenant' | 'key'>): string {
  return `${tenant}\u0000${key}`;
}
