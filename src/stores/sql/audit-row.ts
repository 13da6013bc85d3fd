/** A record of the audit log as the database keeps it, and what its digest is over. */
import { hash } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { AuditEvent, AuditRecord } from '../../core/audit.ts';
import type { JsonObject } from '../../core/call.ts';
import { keepable } from './ledger-columns.ts';
import type { AuditTable } from './tables.ts';

export type AuditRow = Selectable<AuditTable>;

const detailCharsMax = 8_192;

export function rowOf(event: AuditEvent, number: number): Omit<AuditRow, 'digest'> {
  return {
    number,
    at_ms: Math.trunc(event.atMs),
    actor: keepable(event.actor),
    tenant: keepable(event.tenant),
    address: keepable(event.address),
    action: keepable(event.action),
    object: keepable(event.object),
    outcome: event.outcome,
    detail: textOf(event.detail),
  };
}

export function recordOf(row: AuditRow): AuditRecord {
  return {
    number: row.number,
    atMs: row.at_ms,
    actor: row.actor,
    tenant: row.tenant,
    address: row.address,
    action: row.action,
    object: row.object,
    // Only rowOf writes the two.
    outcome: row.outcome as AuditEvent['outcome'],
    detail: readDetail(row.detail),
    digest: row.digest,
  };
}

/** Somebody may have been at it: that is for `verify` to say, and the other records are still to be seen. */
function readDetail(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return { unreadable: text };
  }
}

/** Over the text as it is kept: what was read and written again could look otherwise. */
export function digestOf(row: Omit<AuditRow, 'digest'>, before: string): string {
  const { number, at_ms, actor, tenant, address, action, object, outcome, detail } = row;
  const fields = [before, number, at_ms, actor, tenant, address, action, object, outcome, detail];
  return hash('sha256', JSON.stringify(fields), 'base64url');
}

/** Whoever may change something may send much with it: what is long is shortened where it stands, and hides nothing beside it. */
function textOf(detail: JsonObject): string {
  const text = textWithin(detail, Number.POSITIVE_INFINITY);
  if (text.length <= detailCharsMax) return text;
  const shorter = [64, 16, 4].map((most) => textWithin(detail, most));
  return (
    shorter.find((each) => each.length <= detailCharsMax) ??
    JSON.stringify({ leftOut: `${text.length} characters` })
  );
}

/** Of each list and object so many items, of each text ten times as many characters. */
function textWithin(detail: JsonObject, most: number): string {
  return JSON.stringify(detail, (_name, value: unknown) => {
    if (typeof value === 'string') return shortened(value.replaceAll('\u0000', '').toWellFormed(), most * 10);
    if (Array.isArray(value) && value.length > most)
      return [...(value as unknown[]).slice(0, most), `and ${value.length - most} more`];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const entries = Object.entries(value);
    const kept = Math.max(most, fieldsMin);
    if (entries.length <= kept) return value;
    return { ...Object.fromEntries(entries.slice(0, kept)), more: entries.length - kept };
  });
}

/** No object of ours has more fields. */
const fieldsMin = 16;

function shortened(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax).toWellFormed()}…`;
}
