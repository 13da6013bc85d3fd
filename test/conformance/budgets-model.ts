/** What budgets promise whatever is done in whatever order, against a model of them in the fewest words. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Reservation } from '../../src/core/budget.ts';
import { alertAt, minuteMs, type OpenBudgets, openHandled, spendOf } from './budgets-rig.ts';

const step = fc.record({
  do: fc.constantFrom('reserve', 'reserve', 'extend', 'settle', 'settle', 'wait'),
  count: fc.nat(6),
  which: fc.nat(20),
  user: fc.constantFrom('one', 'two'),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

export async function neverMoreThanTheLimit(open: OpenBudgets, runs: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      const rig = await openHandled(open, [
        { per: 'user', usd: 12, window: 'total', alertAt },
        { per: 'tenant', usd: 20, window: 'total', alertAt },
      ]);
      const model = new Model();
      for (const each of steps) {
        await model[each.do](rig, each);
        for (const { spent, reserved, limit } of await rig.budgets.standings())
          assert.ok(spent + reserved <= limit, `${spent} + ${reserved}`);
      }
    }),
    { numRuns: runs },
  );
}

type Handled = Awaited<ReturnType<typeof openHandled>>;

interface Held {
  readonly user: string;
  count: number;
  readonly reservation: Reservation | undefined;
}

/** All that is spent and held, of each and of all. */
class Model {
  readonly #open: Held[] = [];
  readonly #spent: Record<string, number> = {};

  async wait({ clock }: Handled): Promise<void> {
    clock.advance(minuteMs / 10);
  }

  async reserve({ reserve }: Handled, { user, count }: Step): Promise<void> {
    const decision = await reserve(count, { user });
    assert.equal(decision.allowed, this.#takes(user, count));
    if (decision.allowed) this.#open.push({ user, count, reservation: decision.reservation });
  }

  async extend({ extend }: Handled, { which, count }: Step): Promise<void> {
    const held = this.#open[which % Math.max(1, this.#open.length)];
    if (held?.reservation === undefined) return;
    const takes = this.#takes(held.user, count);
    assert.equal(await extend(held.reservation, count), takes ? 'extended' : 'spent');
    if (takes) held.count += count;
  }

  async settle({ quiet }: Handled, { which, count }: Step): Promise<void> {
    const [held] = this.#open.splice(which % Math.max(1, this.#open.length), 1);
    if (held === undefined) return;
    const spent = Math.min(count, held.count);
    held.reservation?.settle(spendOf(spent));
    this.#spent[held.user] = (this.#spent[held.user] ?? 0) + spent;
    await quiet();
  }

  #takes(user: string, count: number): boolean {
    if (count === 0) return true;
    return this.#of(user) + count <= 12 && this.#of('one') + this.#of('two') + count <= 20;
  }

  #of(user: string): number {
    const held = this.#open.filter((each) => each.user === user);
    return held.reduce((sum, { count }) => sum + count, this.#spent[user] ?? 0);
  }
}
