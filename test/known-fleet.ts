/** What a policy is handed, for the tests of what goes by it: facts by upstream. */
import type { Upstream } from '../src/core/exchange.ts';
import type { Known, Policy } from '../src/core/fleet.ts';
import { targetOn, upstreamOf } from './targets.ts';
import { wantOf } from './wants.ts';

export interface Facts {
  readonly slots?: number;
  readonly zone?: string;
  readonly tier?: number;
  readonly weight?: number;
  inFlight?: number;
  mayBeAsked?: boolean;
  serviceMs?: number;
  loadMs?: number;
  isLoading?: boolean;
  gpuShare?: number;
  price?: number;
}

/** A fleet of one target an upstream, by name. Its facts may be changed between two choices. */
export function fleetOf<Name extends string>(facts: Readonly<Record<Name, Facts>>) {
  const names = Object.keys(facts) as Name[];
  const targets = names.map((name) => {
    const { slots = 1, zone = '', tier = 1, weight = 1 } = facts[name];
    return { ...targetOn({ ...upstreamOf(name, slots), zone }, tier), weight };
  });
  const of = ({ name }: Upstream) => facts[name as Name];
  const time = { nowMs: 0 };
  const known: Known = {
    nowMs: () => time.nowMs,
    inFlight: (upstream) => of(upstream).inFlight ?? 0,
    slots: ({ slots }) => slots,
    mayBeAsked: ({ upstream }) => of(upstream).mayBeAsked ?? true,
    serviceMs: ({ upstream }) => of(upstream).serviceMs ?? 0,
    loadMs: ({ upstream }) => of(upstream).loadMs ?? 0,
    isPlaced: ({ upstream: { name } }) => {
      const { loadMs = 0, isLoading = false } = facts[name as Name];
      return loadMs === 0 || isLoading;
    },
    gpuShare: ({ upstream }) => of(upstream).gpuShare ?? 1,
    price: ({ upstream }) => of(upstream).price ?? 0,
  };
  /** Who is chosen among those of that name that have a slot free, all of them where nobody is named; '' for nobody. */
  const choose = (policy: Policy, given: { readonly free?: string; readonly prefix?: number } = {}) => {
    const free = targets.filter(({ upstream }) => given.free?.includes(upstream.name) ?? true);
    const want = wantOf(targets, { policy, prefix: given.prefix ?? 0 });
    return free[policy.choose(free, want, known)]?.upstream.name ?? '';
  };
  /** Who is chosen so many times in a row. */
  const chosen = (policy: Policy, times: number) =>
    Array.from({ length: times }, () => choose(policy)).join('');
  return { facts, time, targets, known, choose, chosen };
}
