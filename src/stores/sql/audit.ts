/**
 * The audit log over either database. Whoever adds a record takes the row of the chain's end first: records of all
 * gateways are one after another, and form one chain.
 */
import type { AuditAnchor, AuditEvent, AuditQuestion, AuditRecord, AuditVerdict } from '../../core/audit.ts';
import { fail } from '../../core/failure.ts';
import type { Audit } from '../../core/ports.ts';
import { type AuditRow, digestOf, recordOf, rowOf } from './audit-row.ts';
import type { SqlAccess } from './ledger.ts';
import type { Database } from './tables.ts';

const pageRowsMax = 1_000;
const verifiedPerCallMax = 100_000;
const verifiedPerStatement = 1_000;

export function createSqlAudit({ write }: Pick<SqlAccess, 'write'>): Audit {
  return {
    append: (event) => write((database) => append(database, event)),
    page: (question) => write((database) => page(database, question)),
    verify: (since, recordsMax) => verify({ write }, since, recordsMax),
  };
}

async function append(database: Database, event: AuditEvent): Promise<AuditRecord> {
  return await database.transaction().execute(async (transaction) => {
    const head = await transaction
      .updateTable('audit_head')
      .set(({ eb }) => ({ number: eb('number', '+', 1) }))
      .returning(['number', 'digest'])
      .executeTakeFirstOrThrow();
    const row = rowOf(event, head.number);
    const kept = { ...row, digest: digestOf(row, head.digest) };
    await transaction.insertInto('audit').values(kept).execute();
    await transaction.updateTable('audit_head').set({ digest: kept.digest }).execute();
    return recordOf(kept);
  });
}

async function page(database: Database, { before, tenant, rowsMax }: AuditQuestion): Promise<AuditRecord[]> {
  if (!Number.isSafeInteger(rowsMax) || rowsMax < 1 || rowsMax > pageRowsMax) {
    throw fail('invalid_request', `\`rowsMax\` must be 1 to ${pageRowsMax}`, { param: 'rowsMax' });
  }
  const rows = await database
    .selectFrom('audit')
    .selectAll()
    .$if(before !== undefined, (query) => query.where('number', '<', before ?? 0))
    .$if(tenant !== undefined, (query) => query.where('tenant', '=', tenant ?? ''))
    .orderBy('number', 'desc')
    .limit(rowsMax)
    .execute();
  return rows.map(recordOf);
}

/** A few rows at a time: the chain may be longer than memory, and others want the database too. */
async function verify(
  { write }: Pick<SqlAccess, 'write'>,
  since: AuditAnchor,
  recordsMax: number,
): Promise<AuditVerdict> {
  // What is added meanwhile is for the next time.
  const head = await write((database) =>
    database.selectFrom('audit_head').select(['number', 'digest']).executeTakeFirst(),
  );
  if (head === undefined) return broken(since.number, 'the record of where the chain ends is gone');
  const anchored = await write((database) => checkAnchor(database, since, head));
  if (anchored !== undefined) return anchored;
  const until = Math.min(head.number, since.number + Math.min(recordsMax, verifiedPerCallMax));
  let upTo = since;
  while (upTo.number < until) {
    const from = upTo;
    const rows = await write((database) => following(database, from, until));
    const found = followChain(rows, from);
    if ('reason' in found) return found;
    if (rows.length === 0) return broken(from.number + 1, `there is no record ${from.number + 1}`);
    upTo = found;
  }
  if (until === head.number && upTo.digest !== head.digest) {
    return broken(head.number, 'the last record is not the one that the chain is said to end with');
  }
  return { sound: true, upTo, more: until < head.number };
}

async function checkAnchor(
  database: Database,
  { number, digest }: AuditAnchor,
  head: AuditAnchor,
): Promise<AuditVerdict | undefined> {
  if (number > head.number) {
    return broken(
      head.number + 1,
      `the chain ends with record ${head.number}: what came after it was cut off`,
    );
  }
  if (number === 0) return undefined;
  const row = await database
    .selectFrom('audit')
    .select('digest')
    .where('number', '=', number)
    .executeTakeFirst();
  if (row === undefined) return broken(number, `there is no record ${number}`);
  if (row.digest === digest) return undefined;
  return broken(number, `record ${number}, or one before it, is not what it was when its digest was noted`);
}

async function following(database: Database, { number }: AuditAnchor, until: number): Promise<AuditRow[]> {
  return await database
    .selectFrom('audit')
    .selectAll()
    .where('number', '>', number)
    .where('number', '<=', until)
    .orderBy('number')
    .limit(verifiedPerStatement)
    .execute();
}

type Broken = Extract<AuditVerdict, { sound: false }>;

function followChain(rows: readonly AuditRow[], from: AuditAnchor): AuditAnchor | Broken {
  let last = from;
  for (const row of rows) {
    const expected = last.number + 1;
    if (row.number !== expected) return broken(expected, `there is no record ${expected}`);
    if (digestOf(row, last.digest) !== row.digest) {
      return broken(row.number, `record ${row.number} does not fit its digest and the record before it`);
    }
    last = { number: row.number, digest: row.digest };
  }
  return last;
}

function broken(brokenAt: number, reason: string): Broken {
  return { sound: false, brokenAt, reason };
}
