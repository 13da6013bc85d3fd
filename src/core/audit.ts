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

/** What somebody is about to do, or was refused. */
export type AuditAct = Omit<AuditEvent, 'atMs' | 'outcome'>;

/** Says how it ended. Never rejects: what was done is done. */
export type AuditEnd = (outcome: 'done' | 'failed', more?: Partial<AuditAct>) => Promise<void>;

export interface Auditor {
  /** Before anything is done. Rejects with `dependency_unavailable` where it cannot be kept: then it must not be done (A9). */
  begin(act: AuditAct): Promise<AuditEnd>;
  /** What has happened anyway, as somebody's signing in. Neither waits nor throws. */
  note(act: AuditAct, outcome: AuditEvent['outcome']): void;
  /** As `note`, of what was turned away: a flood of it becomes a few records with counts. */
  refuse(act: AuditAct): void;
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

/** A place in the chain. Kept elsewhere it proves later that nothing up to it was changed or cut off. */
export interface AuditAnchor {
  /** 0, with an empty digest, stands before the first record. */
  readonly number: number;
  readonly digest: string;
}

export type AuditVerdict =
  | {
      readonly sound: true;
      /** The last record that was looked at. */
      readonly upTo: AuditAnchor;
      /** Whether there are more after it. */
      readonly more: boolean;
    }
  | { readonly sound: false; readonly brokenAt: number; readonly reason: string };
