/** What people and programs changed, and who signed in: kept in a chain that shows when a link is missing. */
import type { JsonObject } from './call.ts';

export interface AuditEvent {
  readonly atMs: number;
  /** Who: the name of the key, user or session; `admin-token` for the token of the gateway. */
  readonly actor: string;
  readonly tenant: string;
  readonly address: string;
  /** What: `key.create`, `config.apply`, `session.begin`. */
  readonly action: string;
  /** To what: `acme/alice`. */
  readonly object: string;
  readonly outcome: 'begun' | 'done' | 'refused' | 'failed';
  /** Never a secret, a prompt or an answer. */
  readonly detail: JsonObject;
}

export interface AuditRecord extends AuditEvent {
  /** From 1, without a gap. */
  readonly number: number;
  /** Over this record and the digest of the one before. */
  readonly digest: string;
}

export interface AuditQuestion {
  /** From the newest on, or before this number. */
  readonly before?: number;
  readonly tenant?: string;
  readonly rowsMax: number;
}

export type AuditVerdict =
  | { readonly sound: true; readonly records: number; readonly digest: string }
  | { readonly sound: false; readonly records: number; readonly brokenAt: number; readonly reason: string };
