/**
 * What the gateway stands on, and since when it is as it is (G22). For people: whether work is taken is `/readyz`'s to say. It
 * names no host and no upstream, and nobody is asked for it.
 */
import type { Route } from '../core/exchange.ts';
import { jsonReply } from './json-reply.ts';
import type { Knowledge } from './knowledge.ts';

export interface Dependency {
  readonly name: string;
  readonly state: 'there' | 'away';
  /** On the wall clock: since it went or came back; since the start where neither happened. */
  readonly sinceMs: number;
  /** What is wrong with it although it is there. */
  readonly note?: string | undefined;
}

export interface DependencyReport {
  readonly status: 'well' | 'degraded';
  readonly dependencies: { name: string; state: 'there' | 'away'; since: string; note?: string }[];
  /** How many are in each state. */
  readonly upstreams: { up: number; down: number; unknown: number };
}

type Known = Pick<Knowledge, 'dependencies' | 'upstreams' | 'health'>;

export function dependencies(knowledge: Knowledge): NonNullable<Route['answer']> {
  return () => jsonReply(reportDependencies(knowledge));
}

export function reportDependencies({ dependencies: known, upstreams, health }: Known): DependencyReport {
  const told = known().map(({ name, state, sinceMs, note }) => ({
    name,
    state,
    since: new Date(sinceMs).toISOString(),
    ...(note !== undefined && { note }),
  }));
  const counts = { up: 0, down: 0, unknown: 0 };
  for (const upstream of upstreams) counts[health.of(upstream).state] += 1;
  const isWell = told.every(({ state }) => state === 'there') && counts.down === 0;
  return { status: isWell ? 'well' : 'degraded', dependencies: told, upstreams: counts };
}
