/**
 * What was spent of an account before Redis counted it: asked of the ledger, once at a time however many want to know; and where
 * the ledger cannot tell, what an earlier run of this gateway knew.
 */
import type { Clock } from '../../lib/clock.ts';
import { withinMs } from '../../lib/within-ms.ts';
import { type BudgetsOptions, findMs } from '../budget-rules.ts';
import type { Heard } from './heard-accounts.ts';

export interface SpentBeforeOptions extends Pick<BudgetsOptions, 'spentBefore' | 'lastLook'> {
  readonly clock: Clock;
}

export class SpentBefore {
  readonly #options: SpentBeforeOptions;

  constructor(options: SpentBeforeOptions) {
    this.#options = options;
  }

  /** What was spent of each besides what Redis was told of ours already, of those where that is known in time. */
  async find(accounts: readonly Heard[]): Promise<ReadonlyMap<Heard, number>> {
    const found = new Map<Heard, number>();
    const finding = accounts.map(async (heard) => {
      const asked = this.#ask(heard);
      // Of whom an earlier run knew nobody waits again for who could not tell: it is found out for those who come later.
      if (heard.unfound && heard.lastLook !== undefined) return;
      const others = await asked;
      if (others !== undefined) found.set(heard, others);
    });
    await withinMs(Promise.all(finding), this.#options.clock, findMs);
    return found;
  }

  /** What an earlier run of ours knew is better than nothing. */
  async lookBack(accounts: readonly Heard[]): Promise<void> {
    const looking = accounts.map(async (heard) => {
      const look = await this.#options.lastLook?.({ ...heard, alsoOurs: false });
      heard.lastLook ??= look;
    });
    await withinMs(Promise.all(looking), this.#options.clock, findMs);
  }

  #ask(heard: Heard): Promise<number | undefined> {
    // What Redis is told of ours from now on is not in the answer.
    const { early } = heard;
    heard.finding ??= this.#options
      .spentBefore({ ...heard, alsoOurs: true })
      // Whoever is away is told of by itself.
      .catch(() => undefined)
      .then((spent) => {
        heard.before = spent ?? heard.before;
        heard.unfound = spent === undefined;
        heard.finding = undefined;
        // In an epoch that began meanwhile Redis was told of less.
        return spent === undefined ? undefined : Math.max(0, spent - Math.min(early, heard.early));
      });
    return heard.finding;
  }
}
