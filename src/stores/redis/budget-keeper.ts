/**
 * Budgets over all replicas, in one script a step. Each replica remembers what it heard of every account and what it
 * holds itself: a server that comes back empty is told by all of them before anything is given away again (DP2), and
 * without one each goes on with a small part of what was left, and then refuses as an outage of ours (G19).
 */
import { randomUUID } from 'node:crypto';
import type { BudgetDecision, Extension, Spend } from '../../core/budget.ts';
import type { Presence } from '../../core/ports.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { withinMs } from '../../lib/within-ms.ts';
import {
  amountOf,
  type BudgetRule,
  type BudgetsOptions,
  holdersMax,
  type KnownSpend,
  type Purse,
  refusedBy,
  shareSpent,
  standingOf,
  unavailable,
} from '../budget-rules.ts';
import { BudgetHold, holdMs } from './budget-hold.ts';
import type { BudgetServer, ServerAnswer, Told } from './budget-server.ts';
import { RedisError } from './fault.ts';
import { type Heard, HeardAccounts, isKnown, knownSpend } from './heard-accounts.ts';
import { Outage } from './outage.ts';
import { type ReservationKeeper, type SharedPart, SharedReservation } from './shared-reservation.ts';
import { SpentBefore } from './spent-before.ts';
import { toldAccounts } from './told-accounts.ts';

export interface BudgetKeeperOptions extends BudgetsOptions {
  readonly server: BudgetServer;
  readonly clock: Clock;
  readonly presence: Pick<Presence, 'count' | 'publish' | 'subscribe'>;
  /** False of who is not counted among the replicas. */
  readonly serves?: boolean | undefined;
}

const channel = 'budgets';
/** Waits, windows that end, accounts to be looked up: more of these for one exchange, and something is wrong. */
const attemptsMax = 8;
const retryMs = 1_000;
const drainMs = 1_000;
/** Accounts that are told of in one step. */
const toldAtOnce = 50;
const ppm = 1_000_000;

export class BudgetKeeper implements ReservationKeeper {
  readonly accounts = new HeardAccounts();
  readonly #options: BudgetKeeperOptions;
  /** All that are not settled, as far as Redis has said. */
  readonly #open = new Map<string, SharedReservation>();
  readonly #name = randomUUID().slice(0, 13);
  #made = 0;
  /** The server was away, and may have come back with less than it had. */
  #doubtful = false;
  readonly #outage: Outage;
  readonly #hold: BudgetHold;
  readonly #before: SpentBefore;
  #resuming: Promise<void> | undefined;
  readonly #settling = new Set<Promise<void>>();
  #retry: Timer | undefined;

  constructor(options: BudgetKeeperOptions) {
    this.#options = options;
    this.#outage = new Outage(() => options.presence.count());
    this.#hold = new BudgetHold(options.clock);
    this.#before = new SpentBefore(options);
    options.presence.subscribe(channel, {
      // Of an epoch it is told that it began, and that its hold is over.
      message: (epoch) => {
        if (epoch === options.server.epoch) this.#hold.end();
        else this.#resume();
      },
      missed: () => {
        this.#doubtful = true;
        this.#resume();
      },
    });
    this.#resume();
  }

  async reserve(purses: readonly Purse[], estimate: Spend): Promise<BudgetDecision> {
    this.#made += 1;
    const id = `${this.#name}:${this.#made.toString(36)}`;
    const { server } = this.#options;
    let parts = this.#partsOf(purses, estimate);
    let isSent = false;
    const answer = await this.#ask(
      () => {
        // Another window may have begun.
        parts = this.#partsOf(purses, estimate);
        isSent = true;
        const amounts = parts.map(({ rule, heard, amount }) => ({ heard, limit: rule.limit, amount }));
        return server.reserve(id, true, amounts);
      },
      () => parts,
    );
    if (answer === 'away') {
      const decision = await this.#reserveAway(id, parts);
      if (isSent && !decision.allowed) this.#takeBack(id, parts);
      return decision;
    }
    if (answer === 'unknown') return await this.#reserveAlone(id, parts);
    const refused = parts.find(({ heard }) => heard === answer.refused);
    if (refused !== undefined) return refusedBy(refused.rule, refused.heard.window, server.nowMs);
    // Told in an epoch that is over by now, it has to be told again.
    return this.#grant(
      id,
      parts,
      parts.every(({ heard }) => heard.epoch === server.epoch),
    );
  }

  async extend(reservation: SharedReservation, more: Spend): Promise<Extension> {
    const { parts } = reservation;
    const amounts = parts.map(({ rule, heard }) => {
      return { heard, limit: rule.limit, amount: amountOf(rule.scope, more) };
    });
    const answer = await this.#ask(
      async () => {
        if (!reservation.isKnown) await this.#resumed();
        return await this.#options.server.reserve(reservation.id, false, amounts);
      },
      () => parts,
    );
    if (answer === 'away' || answer === 'unknown') return this.#extendAlone(parts, more);
    if (answer.refused !== undefined) return 'spent';
    for (const [index, part] of parts.entries()) part.amount += amounts[index]?.amount ?? 0;
    return 'extended';
  }

  settle(reservation: SharedReservation): void {
    if (this.#options.server.ready && reservation.isKnown) {
      const settling = this.#settleNow(reservation);
      this.#settling.add(settling);
      void settling.finally(() => this.#settling.delete(settling));
    } else this.#resume();
  }

  /** What this replica knows to be spent, with what Redis is yet to be told. */
  *known(): Generator<KnownSpend> {
    const untold = new Map<Heard, number>();
    for (const { parts, spent } of this.#open.values()) {
      if (spent === undefined) continue;
      for (const { heard, rule } of parts)
        untold.set(heard, (untold.get(heard) ?? 0) + amountOf(rule.scope, spent));
    }
    for (const heard of this.accounts.all(this.#options.server.nowMs))
      if (isKnown(heard)) yield knownSpend(heard, untold.get(heard) ?? 0);
  }

  /** Before the connection is closed: what is not told by then counts at what was reserved. */
  async drain(): Promise<void> {
    await withinMs(Promise.allSettled([...this.#settling]), this.#options.clock, drainMs);
  }

  #partsOf(purses: readonly Purse[], spend: Spend): readonly SharedPart[] {
    const { nowMs } = this.#options.server;
    return purses.map(({ rule, holder }) => {
      const heard = this.accounts.at(rule.scope, holder, nowMs);
      return { rule, heard, amount: amountOf(rule.scope, spend), alone: 0, outage: 0 };
    });
  }

  /** Nobody knows whether Redis set it aside before it fell silent. */
  #takeBack(id: string, parts: readonly SharedPart[]): void {
    const reservation = new SharedReservation(id, { parts, isKnown: false, keeper: this });
    this.#open.set(id, reservation);
    reservation.settle({ nanoUsd: 0, tokens: 0, requests: 0 });
  }

  #grant(id: string, parts: readonly SharedPart[], isKnown: boolean): BudgetDecision {
    const reservation = new SharedReservation(id, { parts, isKnown, keeper: this });
    this.#open.set(id, reservation);
    return { allowed: true, reservation };
  }

  /** Until the server answers to the point. `away`: it does not; `unknown`: nobody can tell what was spent. */
  async #ask(
    step: () => Promise<ServerAnswer>,
    parts: () => readonly SharedPart[],
  ): Promise<Extract<ServerAnswer, { is: 'ok' }> | 'away' | 'unknown'> {
    try {
      for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
        if (!this.#options.server.ready) return 'away';
        const answer = await step();
        if (answer.is === 'ok') return answer;
        if (answer.is === 'lost') await this.#resumed();
        if (answer.is === 'wait') await this.#hold.wait(answer.ms);
        if (answer.is === 'unknown' && !(await this.#tellBefore(answer.of, parts()))) return 'unknown';
      }
      return 'unknown';
    } catch (thrown) {
      if (thrown instanceof RedisError) return 'away';
      throw thrown;
    }
  }

  /** Tells Redis what was spent of accounts that it knows nothing of; false where nobody can tell. */
  async #tellBefore(accounts: readonly Heard[], parts: readonly SharedPart[]): Promise<boolean> {
    const found = await this.#before.find(accounts);
    const told: Told[] = [];
    for (const heard of accounts) {
      const before = found.get(heard);
      const rule = parts.find((part) => part.heard === heard)?.rule;
      if (rule === undefined || (before === undefined && heard.epoch === '')) return false;
      const spent = Math.max(before ?? 0, heard.epoch === '' ? 0 : heard.spent);
      // Whoever counted before us has told of these.
      const toldPpm = Math.max(heard.toldPpm, ppmOf(shareSpent(rule, spent)));
      told.push({ heard, spent, how: 'first', toldPpm, held: this.#untoldOf(heard) });
    }
    const answer = await this.#options.server.tell(told);
    if (answer.is === 'lost') await this.#resumed();
    return true;
  }

  /** What was given away of it without Redis: from the moment on that it gives away more, it must know of these. */
  #untoldOf(heard: Heard): Told['held'] {
    if (heard.open === 0) return [];
    const untold = [...this.#open.values()].filter(({ isKnown }) => !isKnown);
    return untold.flatMap(({ id, parts }) =>
      parts.filter((part) => part.heard === heard).map(({ amount }) => ({ id, amount })),
    );
  }

  /** While Redis is away. */
  async #reserveAway(id: string, parts: readonly SharedPart[]): Promise<BudgetDecision> {
    this.#outage.begin(this.#options.server.nowMs);
    const unknown = this.#unknownOf(parts);
    if (unknown.length > 0) await this.#before.find(unknown);
    return await this.#reserveAlone(id, parts);
  }

  /** From this replica's part of what is left. Redis is told when it is back, and soon where it is there. */
  async #reserveAlone(id: string, parts: readonly SharedPart[]): Promise<BudgetDecision> {
    if (this.#open.size >= holdersMax) return unavailable;
    // One that is there, and only did not answer, ends what was lost.
    this.#resumeSoon();
    await this.#before.lookBack(this.#unknownOf(parts));
    if (this.#unknownOf(parts).length > 0) return unavailable;
    for (const { heard, rule, amount } of parts) {
      if (amount > 0 && spentOf(heard) >= rule.limit)
        return refusedBy(rule, heard.window, this.#options.server.nowMs);
    }
    if (!this.#outage.take(parts, ({ amount }) => amount)) return unavailable;
    return this.#grant(id, parts, false);
  }

  /** Of what is to be spent from, what nothing at all is known of. */
  #unknownOf(parts: readonly SharedPart[]): readonly Heard[] {
    const costly = parts.filter(({ amount }) => amount > 0);
    return costly.map(({ heard }) => heard).filter((heard) => !this.#outage.isKnown(heard));
  }

  #extendAlone(parts: readonly SharedPart[], more: Spend): Extension {
    const amount = ({ rule }: SharedPart) => amountOf(rule.scope, more);
    if (!this.#outage.take(parts, amount)) return 'unavailable';
    for (const part of parts) part.amount += amount(part);
    return 'extended';
  }

  async #settleNow(reservation: SharedReservation): Promise<void> {
    const { server } = this.#options;
    const { id, parts, spent } = reservation;
    if (spent === undefined) return;
    reservation.isSent = true;
    try {
      const amounts = parts.map(({ rule, heard }) => ({ heard, amount: amountOf(rule.scope, spent) }));
      const answer = await server.settle(id, amounts);
      if (answer.is !== 'ok') return this.#resume();
      if (!this.#open.delete(id)) return;
      for (const { heard, amount } of amounts) {
        heard.open -= 1;
        if (heard.epoch !== server.epoch) heard.early += amount;
      }
      await Promise.all(parts.map(({ heard, rule }) => this.#cross(heard, rule)));
    } catch (thrown) {
      if (!(thrown instanceof RedisError)) throw thrown;
      this.#resumeSoon();
    }
  }

  async #cross(heard: Heard, rule: BudgetRule): Promise<void> {
    const share = shareSpent(rule, heard.spent);
    if (ppmOf(share) <= heard.toldPpm) return;
    heard.toldPpm = ppmOf(share);
    if (!(await this.#options.server.cross(heard, ppmOf(share)))) return;
    this.#options.onCrossed(standingOf({ rule, holder: heard.holder }, heard.window, heard), share);
  }

  /** Brings to Redis what it does not know. Once at a time; again after a while where something is left. */
  #resume(): void {
    if (!this.#options.server.ready) return;
    void this.#resumed().then(
      () => {
        if (this.#isAnyLeft()) this.#resumeSoon();
      },
      (thrown: unknown) => {
        if (!(thrown instanceof RedisError)) throw thrown;
        this.#resumeSoon();
      },
    );
  }

  #resumeSoon(): void {
    this.#retry ??= this.#options.clock.after(retryMs, () => {
      this.#retry = undefined;
      this.#resume();
    });
  }

  /** What came while we were at it. */
  #isAnyLeft(): boolean {
    return this.#open
      .values()
      .some(({ isKnown, isSent, spent }) => !isKnown || (spent !== undefined && !isSent));
  }

  #resumed(): Promise<void> {
    this.#resuming ??= this.#bring().finally(() => {
      this.#resuming = undefined;
    });
    return this.#resuming;
  }

  async #bring(): Promise<void> {
    const { server, presence } = this.#options;
    const before = server.epoch;
    const replicas = presence.count();
    const { isNew, heldMs } = await server.begin(replicas > 1 ? holdMs : 0);
    const isOther = server.epoch !== before;
    if (isOther) this.accounts.lose(server.nowMs);
    const doubtful = this.#doubtful || isOther;
    // What was settled with no answer is settled again: told of again it could count twice.
    for (const reservation of this.#open.values())
      if (isOther || (doubtful && !reservation.isSent)) reservation.isKnown = false;
    if (isNew && replicas > 1) void presence.publish(channel, server.epoch);
    await this.#tellAll(doubtful);
    this.#doubtful = false;
    this.#outage.end();
    // Whoever knew of no epoch before is none of those that the others wait for.
    if (heldMs > 0 && before !== '') await this.#endHold(replicas);
    const settled = [...this.#open.values()].filter(({ spent, isKnown }) => spent !== undefined && isKnown);
    for (const reservation of settled) await this.#settleNow(reservation);
  }

  async #tellAll(doubtful: boolean): Promise<void> {
    const known = new Set<string>();
    let some: Told[] = [];
    const tell = async () => {
      const answer = await this.#options.server.tell(some);
      if (answer.is !== 'ok') throw new RedisError('refused', { detail: 'it forgot budgets again' });
      for (const { held } of some) for (const { id } of held) known.add(id);
      some = [];
    };
    const { accounts } = this;
    const telling = toldAccounts({ accounts, open: this.#open, server: this.#options.server, doubtful });
    for (const told of telling) {
      some.push(told);
      if (some.length === toldAtOnce) await tell();
    }
    if (some.length > 0) await tell();
    for (const reservation of this.#open.values()) reservation.isKnown ||= known.has(reservation.id);
  }

  /** All that is known here is told: the last of the replicas ends the hold for all. */
  async #endHold(replicas: number): Promise<void> {
    const { server, presence, serves = true } = this.#options;
    if (serves && (await server.release(this.#name, replicas))) void presence.publish(channel, server.epoch);
  }
}

/** As far as anything is known; what may have been spent besides is no reason to call a budget spent. */
function spentOf({ epoch, spent, before, lastLook }: Heard): number {
  return epoch === '' ? (before ?? lastLook?.spent ?? 0) : spent;
}

function ppmOf(share: number): number {
  return Math.round(share * ppm);
}
