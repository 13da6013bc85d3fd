/** What a server may not know of budgets, one account after the other: of a great many, requests have their turn in between. */
import type { BudgetServer, Told } from './budget-server.ts';
import type { Heard, HeardAccounts } from './heard-accounts.ts';
import type { SharedReservation } from './shared-reservation.ts';

export interface Telling {
  readonly accounts: HeardAccounts;
  /** All that are not settled, as far as Redis has said. */
  readonly open: ReadonlyMap<string, SharedReservation>;
  readonly server: Pick<BudgetServer, 'epoch' | 'nowMs'>;
  /** The server may have less than it had: it is told of all accounts, and not of those alone that it was not told of. */
  readonly doubtful: boolean;
}

export function* toldAccounts({ accounts, open, server, doubtful }: Telling): Generator<Told> {
  const untold = heldUntold(open);
  const told = (heard: Heard): Told => ({
    heard,
    spent: doubtful && heard.epoch !== '' ? heard.spent : -1,
    how: heard.epoch === server.epoch ? 'least' : 'lost',
    toldPpm: heard.toldPpm,
    held: untold.get(heard) ?? [],
  });
  if (doubtful) {
    for (const heard of accounts.all(server.nowMs)) {
      if (heard.epoch === '') continue;
      yield told(heard);
      untold.delete(heard);
    }
  }
  for (const heard of untold.keys()) yield told(heard);
}

function heldUntold(open: Telling['open']): Map<Heard, { id: string; amount: number }[]> {
  const untold = new Map<Heard, { id: string; amount: number }[]>();
  for (const { id, parts, isKnown } of open.values()) {
    if (isKnown) continue;
    for (const { heard, amount } of parts) {
      const ours = untold.get(heard);
      if (ours === undefined) untold.set(heard, [{ id, amount }]);
      else ours.push({ id, amount });
    }
  }
  return untold;
}
