/**
 * Erases what is kept of somebody. It is written down before it begins, and each step can be done again: what a crash or
 * an outage breaks off goes on at whichever gateway looks next.
 */
import type { Erasure } from '../core/erasure.ts';
import { asFailure, fail } from '../core/failure.ts';
import type {
  Contents,
  Conversations,
  Directory,
  Erasures,
  LedgerRetention,
  Replays,
  Sealers,
} from '../core/ports.ts';
import type { Subject } from '../core/subject.ts';
import type { Clock } from '../lib/clock.ts';

export interface ErasurePlaces {
  readonly clock: Clock;
  readonly erasures: Erasures;
  readonly sealers: Pick<Sealers, 'destroy'>;
  readonly directory: Pick<Directory, 'remove'>;
  readonly contents: Pick<Contents, 'erase'>;
  readonly replays: Pick<Replays, 'erase'>;
  readonly conversations: Pick<Conversations, 'erase'>;
  readonly ledger: Pick<LedgerRetention, 'anonymise'>;
}

/** How many of each went; of exchanges, how many nobody's name stands at any more. */
export interface Erased {
  readonly entries: number;
  readonly contents: number;
  readonly replays: number;
  readonly conversations: number;
  readonly exchanges: number;
}

/** Whoever has begun is not disturbed for so long; if he died, another goes on after it. */
const leaseMs = 300_000;
const retryMs = 60_000;
/** What was still on its way when all was erased is looked for soon, and then now and then until nothing comes any more. */
const firstLookMs = 60_000;
const laterLooksMs = 3_600_000;
export const lateUntilMs = 86_400_000;
const dueMax = 20;

export class Eraser {
  readonly #places: ErasurePlaces;

  constructor(places: ErasurePlaces) {
    this.#places = places;
  }

  /** Rejects with `dependency_unavailable` where it could not end: then it goes on by itself. */
  async erase(subject: Subject): Promise<Erased> {
    const erasure = await this.#places.erasures.begin(subject, leaseMs);
    return await this.#eraseAll(erasure).catch((thrown: unknown) => {
      const failure = asFailure(thrown);
      if (failure.code !== 'dependency_unavailable') throw thrown;
      throw fail(
        'dependency_unavailable',
        `the erasure has begun and has not ended: ${failure.message}. It goes on by itself within minutes of the store’s ` +
          'return; ask again to be told when nothing is left',
        { cause: thrown, retryAfterS: 5 },
      );
    });
  }

  /** Goes on with what is due; resolves to whether there is anything to come back for. */
  async goOn(): Promise<boolean> {
    const { erasures } = this.#places;
    for (const erasure of await erasures.due(dueMax)) {
      if (erasure.complete) await this.#eraseLate(erasure);
      else await this.#eraseAll(erasure);
    }
    return await erasures.any();
  }

  async #eraseAll(erasure: Erasure): Promise<Erased> {
    const { erasures } = this.#places;
    try {
      const erased = await this.#walk(erasure);
      await erasures.postpone({ ...erasure, complete: true }, firstLookMs);
      return erased;
    } catch (thrown) {
      // Where not even this can be said the lease ends by itself.
      await erasures.postpone(erasure, retryMs).catch(() => undefined);
      throw thrown;
    }
  }

  async #walk({ subject, alias, begunAtMs }: Erasure): Promise<Erased> {
    const { tenant, user } = subject;
    const { sealers, directory, contents, replays, conversations, ledger } = this.#places;
    // First of all: from here on nobody can read what is still there, wherever copies of it lie.
    await sealers.destroy(tenant, user);
    const removed = await directory.remove(
      user === undefined ? { kind: 'tenant', tenant, name: '' } : { kind: 'user', tenant, name: user },
    );
    const erased = {
      entries: removed ? 1 : 0,
      contents: await contents.erase(subject, begunAtMs),
      replays: await replays.erase(tenant, user),
      conversations: await conversations.erase(subject),
      exchanges: await ledger.anonymise({ subject, alias, untilMs: begunAtMs }),
    };
    // Whoever was in the middle of something may have made a new one.
    await sealers.destroy(tenant, user);
    return erased;
  }

  /** What began before and was written down after. What began later is of somebody new. */
  async #eraseLate(erasure: Erasure): Promise<void> {
    const { subject, alias, begunAtMs } = erasure;
    const { clock, erasures, contents, ledger } = this.#places;
    await contents.erase(subject, begunAtMs);
    await ledger.anonymise({ subject, alias, untilMs: begunAtMs });
    if (clock.wall() - begunAtMs >= lateUntilMs) await erasures.end(erasure);
    else await erasures.postpone(erasure, laterLooksMs);
  }
}
