/** The tables as kysely sees them. One shape for both databases: whole numbers, text and bytes, nothing else. */
import type { ColumnType, Kysely } from 'kysely';

export type SqlDialect = 'sqlite' | 'postgres';

/** What a gateway writes once and never changes. */
type Fixed<T> = ColumnType<T, T, never>;

/** What sums are grouped by, the day aside. */
interface Dimensions {
  /** Names, which give way to others when they are erased. */
  readonly tenant: string;
  readonly team: string;
  readonly user: string;
  readonly key: string;
  readonly route: Fixed<string>;
  readonly model: Fixed<string>;
  readonly upstream: Fixed<string>;
  /** Empty in sums that a gateway before step 10 wrote. */
  readonly target_model: Fixed<string>;
  readonly outcome: Fixed<string>;
  readonly saved_by: Fixed<string>;
}

export interface LedgerTable extends Dimensions {
  readonly id: Fixed<string>;
  readonly at_ms: Fixed<number>;
  readonly code: Fixed<string>;
  readonly status: Fixed<number>;
  /** 0 or 1: SQLite knows no boolean. */
  readonly stream: Fixed<number>;
  readonly took_ms: Fixed<number>;
  readonly first_token_ms: Fixed<number>;
  readonly queued_ms: Fixed<number>;
  readonly failed_tries: Fixed<number>;
  readonly input_tokens: Fixed<number>;
  readonly cached_input_tokens: Fixed<number>;
  readonly output_tokens: Fixed<number>;
  readonly reasoning_tokens: Fixed<number>;
  readonly price_version: Fixed<string>;
  readonly cost_nano_usd: Fixed<number>;
  readonly saved_nano_usd: Fixed<number>;
  /** What is true of some only, as JSON; empty where nothing is. */
  readonly facts: Fixed<string>;
}

/** The sums of one day and one combination of the other dimensions. */
export interface LedgerDaysTable extends Dimensions {
  readonly day: Fixed<string>;
  /** A digest of the other dimensions: ten texts are more than an index entry may hold. */
  readonly combination: Fixed<string>;
  readonly exchanges: number;
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly cost_nano_usd: number;
  readonly saved_nano_usd: number;
}

/** The sums of one hour and one model of one upstream. */
export interface LedgerHoursTable {
  readonly hour_ms: Fixed<number>;
  readonly upstream: Fixed<string>;
  readonly target_model: Fixed<string>;
  readonly exchanges: number;
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly cost_nano_usd: number;
}

export interface ReplaysTable {
  readonly tenant: Fixed<string>;
  readonly key: Fixed<string>;
  readonly user: string;
  readonly fingerprint: string;
  readonly token: string;
  readonly state: 'claimed' | 'done';
  /** The end of the claim's lease; once it has ended, of the time that its reply is kept. */
  readonly until_ms: number;
  /** None while it is under way, and none of what was too large. */
  readonly reply: Uint8Array | null;
}

/** Prompts and answers, sealed by the data key of whose they are. */
export interface ContentsTable {
  readonly id: Fixed<string>;
  readonly tenant: Fixed<string>;
  readonly user: Fixed<string>;
  readonly at_ms: Fixed<number>;
  readonly expires_at_ms: Fixed<number>;
  readonly sealed: Fixed<Uint8Array>;
}

export interface ErasuresTable {
  readonly tenant: Fixed<string>;
  /** Empty for the whole tenant. */
  readonly user: Fixed<string>;
  readonly alias: Fixed<string>;
  readonly begun_at_ms: number;
  readonly next_at_ms: number;
  /** 0 or 1. */
  readonly complete: number;
}

/** A key of those whose words are kept, wrapped by a master key. */
export interface DataKeysTable {
  readonly tenant: Fixed<string>;
  /** Empty for the tenant's own; both are empty for the gateway's. */
  readonly user: Fixed<string>;
  readonly wrapped: string;
  /** The id of the master key that wraps it. */
  readonly master: string;
  readonly created_at_ms: Fixed<number>;
}

export interface SecretsTable {
  readonly name: Fixed<string>;
  readonly sealed: string;
  readonly version: number;
  readonly updated_at_ms: number;
  readonly updated_by: string;
}

/** Tenants, teams, users and keys in one table. What only one kind has, and no query asks for, is in `rest`. */
export interface DirectoryTable {
  readonly kind: Fixed<string>;
  readonly tenant: Fixed<string>;
  readonly name: Fixed<string>;
  readonly version: number;
  readonly created_at_ms: number;
  /** 0 while it is there. What was taken out stays for a while, so that whoever follows is told. */
  readonly removed_at_ms: number;
  /** 0 or 1. */
  readonly active: number;
  readonly team: string;
  readonly user: string;
  readonly role: string;
  readonly digest: string;
  readonly previous_digest: string;
  readonly previous_until_ms: number;
  readonly expires_at_ms: number;
  readonly rest: string;
}

/** One row: the version that was given last. Who changes the directory holds it, and so changes come in its order. */
export interface DirectoryVersionTable {
  readonly version: number;
}

export interface KeyUsesTable {
  readonly tenant: Fixed<string>;
  readonly name: Fixed<string>;
  readonly used_at_ms: number;
}

/** What was changed and who signed in, as a chain: each digest is over its row and the digest before. */
export interface AuditTable {
  readonly number: Fixed<number>;
  readonly at_ms: Fixed<number>;
  readonly actor: Fixed<string>;
  readonly tenant: Fixed<string>;
  readonly address: Fixed<string>;
  readonly action: Fixed<string>;
  readonly object: Fixed<string>;
  readonly outcome: Fixed<string>;
  readonly detail: Fixed<string>;
  readonly digest: Fixed<string>;
}

/** One row: the end of the chain. Who adds to the chain takes it first. */
export interface AuditHeadTable {
  readonly number: number;
  readonly digest: string;
}

export interface ConfigVersionsTable {
  readonly number: Fixed<number>;
  readonly at_ms: Fixed<number>;
  readonly by: Fixed<string>;
  readonly source: Fixed<string>;
  readonly note: Fixed<string>;
  readonly file_digest: Fixed<string>;
  /** 0 or 1. */
  readonly masked: Fixed<number>;
  readonly text: Fixed<string>;
  /** A list as JSON; null stands for all of them. */
  readonly vouched: Fixed<string | null>;
}

/** By the server's clock. */
export interface GatewaysAloneTable {
  readonly id: Fixed<string>;
  readonly started_ms: Fixed<number>;
  readonly seen_ms: number;
}

export interface SchemaStepsTable {
  readonly step: number;
  readonly name: string;
  /** The oldest step that a gateway must know to work with the schema after this one. */
  readonly compatible_from: number;
  readonly applied_at_ms: number;
}

export interface Tables {
  readonly ledger: LedgerTable;
  readonly ledger_days: LedgerDaysTable;
  /** `day` is the first of the month. */
  readonly ledger_months: LedgerDaysTable;
  readonly ledger_hours: LedgerHoursTable;
  readonly replays: ReplaysTable;
  readonly contents: ContentsTable;
  readonly erasures: ErasuresTable;
  readonly data_keys: DataKeysTable;
  readonly secrets: SecretsTable;
  readonly directory: DirectoryTable;
  readonly directory_version: DirectoryVersionTable;
  readonly key_uses: KeyUsesTable;
  readonly audit: AuditTable;
  readonly audit_head: AuditHeadTable;
  readonly config_versions: ConfigVersionsTable;
  readonly gateways_alone: GatewaysAloneTable;
  readonly schema_steps: SchemaStepsTable;
}

export type Database = Kysely<Tables>;
