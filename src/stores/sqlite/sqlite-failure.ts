/** What a fault of the embedded database is to the gateway: an outage that passes or that an operator ends, or our bug. */
import { unavailable } from '../sql/outage.ts';
import type { StatementFault } from './statement.ts';

/** SQLite's primary result codes that say nothing about the statement. */
const outages: Readonly<Record<number, string>> = {
  3: 'may not be opened',
  5: 'is held by another process',
  6: 'is locked',
  7: 'has no memory',
  8: 'is read-only',
  10: 'cannot be read or written',
  11: 'is damaged',
  13: 'is on a full disk',
  14: 'cannot be opened',
  15: 'is held by another process',
  23: 'may not be opened',
  26: 'is not a database',
};

export function sqliteFailure(fault: StatementFault, sql: string): Error {
  const said = `${fault.message} (SQLite ${fault.errcode ?? 'fault'})`;
  const cause = new Error(`${said} in: ${sql.slice(0, 200)}`);
  // The low byte is the primary code; the rest tells more of the same.
  const outage = fault.errcode === undefined ? undefined : outages[fault.errcode & 0xff];
  return outage === undefined
    ? cause
    : unavailable(`the embedded database ${outage}: ${fault.message}`, cause);
}
