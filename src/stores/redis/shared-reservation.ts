/** What is set aside for one exchange: in Redis, or in this replica's part while Redis is away. */
import type { Extension, Left, Reservation, Spend } from '../../core/budget.ts';
import { amountOf, type BudgetRule, leftOf } from '../budget-rules.ts';
import { goneOf, type Heard } from './heard-accounts.ts';

/** From one budget. */
export interface SharedPart {
  readonly rule: BudgetRule;
  readonly heard: Heard;
  amount: number;
  /** Of the amount, what this replica gave away by itself; and in which outage. */
  alone: number;
  outage: number;
}

/** Whoever keeps reservations, and brings them to Redis when it can. */
export interface ReservationKeeper {
  extend(reservation: SharedReservation, more: Spend): Promise<Extension>;
  settle(reservation: SharedReservation): void;
}

export class SharedReservation implements Reservation {
  readonly id: string;
  readonly parts: readonly SharedPart[];
  /** Whether Redis knows of it, in the present epoch. */
  isKnown: boolean;
  /** Once it is settled: Redis is yet to be told. */
  spent: Spend | undefined;
  /** Redis was told what it came to, and may have heard it. */
  isSent = false;
  readonly #keeper: ReservationKeeper;

  constructor(
    id: string,
    options: { parts: readonly SharedPart[]; isKnown: boolean; keeper: ReservationKeeper },
  ) {
    this.id = id;
    this.parts = options.parts;
    this.isKnown = options.isKnown;
    this.#keeper = options.keeper;
    for (const { heard } of this.parts) heard.open += 1;
  }

  get left(): Left {
    return leftOf(this.parts.map(({ rule, heard }) => ({ rule, left: rule.limit - goneOf(heard) })));
  }

  extend(more: Spend): Extension | Promise<Extension> {
    return this.spent === undefined ? this.#keeper.extend(this, more) : 'spent';
  }

  settle(spent: Spend): void {
    if (this.spent !== undefined) return;
    this.spent = spent;
    for (const part of this.parts) giveBack(part, amountOf(part.rule.scope, spent));
    this.#keeper.settle(this);
  }
}

/** What came to less than was set aside is free again in this replica's part; that part is used last. */
function giveBack({ heard, amount, alone, outage }: SharedPart, spent: number): void {
  const { allotment } = heard;
  if (alone === 0 || allotment?.outage !== outage) return;
  const usedAlone = Math.min(alone, Math.max(0, spent - (amount - alone)));
  allotment.used -= alone - usedAlone;
}
