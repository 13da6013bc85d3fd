/** What becomes of the ledger in time: names are taken out of it, and rows go. Sums stay as large as they are. */
import type { LedgerRetention } from '../../core/ports.ts';
import type { SqlAccess } from './ledger.ts';
import { addSums } from './ledger-days.ts';
import { anonymiseLedger } from './ledger-erasure.ts';
import type { Database, SqlDialect } from './tables.ts';

const prunedRowsMax = 1_000;

export function createSqlLedgerRetention(
  { write }: Pick<SqlAccess, 'write'>,
  dialect: SqlDialect,
): LedgerRetention {
  const addDays = addSums(dialect, 'ledger_days');
  const addMonths = addSums(dialect, 'ledger_months');
  return {
    anonymise: (erasure) => anonymiseLedger({ write, addDays, addMonths }, erasure),
    prune: (beforeMs) => write((database) => prune(database, beforeMs)),
  };
}

async function prune(database: Database, beforeMs: number): Promise<number> {
  const { numDeletedRows } = await database
    .deleteFrom('ledger')
    .where('id', 'in', (from) =>
      from
        .selectFrom('ledger')
        .select('id')
        .where('at_ms', '<', Math.trunc(beforeMs))
        .orderBy('at_ms')
        .limit(prunedRowsMax),
    )
    .executeTakeFirst();
  return Number(numDeletedRows);
}
