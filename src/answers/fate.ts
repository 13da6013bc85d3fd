/** What became of one operation on several upstreams. */
import type { Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Knowledge } from './knowledge.ts';

export interface Fate {
  readonly upstream: Upstream;
  /** Absent where it succeeded. */
  readonly failure: Failure | undefined;
}

/** One failure that tells of all, or nothing when all succeeded. */
export function combinedFailure(verb: string, fates: readonly Fate[]): Failure | undefined {
  const failed = fates.filter((fate) => fate.failure !== undefined);
  const first = failed[0]?.failure;
  if (first === undefined) return undefined;
  const reasons = failed.map(({ upstream, failure }) => `${upstream.name} (${failure?.message})`);
  const succeeded = fates.filter((fate) => fate.failure === undefined).map(({ upstream }) => upstream.name);
  const rest = succeeded.length === 0 ? '' : `; done on ${succeeded.join(', ')}`;
  return fail(first.code, `${verb} failed on ${reasons.join(', ')}${rest}`, {
    cause: first,
    status: first.status,
  });
}

/** Where something changed the catalogue learns it before the client does: its next listing shows it. */
export async function refreshChanged(knowledge: Knowledge, fates: readonly Fate[]): Promise<void> {
  const changed = fates.filter((fate) => fate.failure === undefined);
  await Promise.all(changed.map(({ upstream }) => knowledge.refresh(upstream)));
}
