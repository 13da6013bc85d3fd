/** What both databases make of the same tables: the ledger, its schema, and how they are. */
import { sql } from 'kysely';
import type {
  Audit,
  ConfigVersions,
  Contents,
  Directory,
  Erasures,
  KeyUses,
  Ledger,
  LedgerRetention,
  ReplayFacts,
  Replays,
} from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { createSqlAudit } from './audit.ts';
import { createSqlConfigVersions } from './config-versions.ts';
import { createSqlContents } from './contents.ts';
import { createSqlDataKeys, type DataKeys } from './data-keys.ts';
import { createSqlDirectory } from './directory.ts';
import { createSqlErasures } from './erasures.ts';
import { countGatewaysAlone, createSqlGatewaysAlone, type GatewaysAlone } from './gateways-alone.ts';
import { createSqlKeyUses } from './key-uses.ts';
import { createSqlLedger, type SqlAccess } from './ledger.ts';
import { createSqlLedgerRetention } from './ledger-retention.ts';
import { assertCompatible, findSchema, migrate } from './migrate.ts';
import { gatewaysAloneStep } from './migrations/0012-gateways-alone.ts';
import { isOutage } from './outage.ts';
import { createSqlReplayFacts } from './replay-facts.ts';
import { createSqlReplays, type ReplaysOptions, timeOf } from './replays.ts';
import { schemaSteps } from './schema-steps.ts';
import { createSqlSecretRows, type SecretRows } from './secret-rows.ts';
import type { Database, SqlDialect } from './tables.ts';

export interface Store {
  readonly ledger: Ledger;
  readonly ledgerRetention: LedgerRetention;
  replays(options: ReplaysOptions): Replays;
  readonly replayFacts: ReplayFacts;
  readonly contents: Contents;
  readonly erasures: Erasures;
  readonly dataKeys: DataKeys;
  readonly secretRows: SecretRows;
  readonly directory: Directory;
  readonly keyUses: KeyUses;
  readonly audit: Audit;
  readonly configVersions: ConfigVersions;
  readonly gatewaysAlone: GatewaysAlone;
  /**
   * Brings the schema up to date. Rejects with `SchemaTooNewError` when a newer gateway has taken it too far, and with
   * `dependency_unavailable` when the database is not there: then the first that works with the store does it.
   */
  migrate(): Promise<void>;
  /** For `doctor` and health: changes nothing. Rejects as the database does. */
  check(): Promise<StoreHealth>;
  close(): Promise<void>;
}

export interface StoreHealth {
  readonly dialect: SqlDialect;
  readonly version: string;
  readonly schemaStep: number;
  /** The last step that this gateway knows. */
  readonly schemaKnown: number;
  readonly tookMs: number;
  /** Gateways that have this database in common and nothing else. */
  readonly gatewaysAlone: number;
  readonly connections?: Connections;
}

/** Of a database with a limit on them. */
export interface Connections {
  /** Ours that are open. */
  readonly open: number;
  /** How many we may open. */
  readonly most: number;
  /** How many all gateways together may open. */
  readonly ofAll: number;
}

/** One database, however it is reached. */
export interface Backend extends SqlAccess {
  readonly dialect: SqlDialect;
  readonly version: string;
  readonly connections?: () => Connections;
  /** With time for what takes long. */
  migrateWith<T>(work: (database: Database) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface StoreContext {
  readonly clock: Clock;
  /** Told once when the database is lost, and once with nothing when it is back. */
  readonly onTrouble: (trouble: Error | undefined) => void;
}

export function createStore(backend: Backend, { clock, onTrouble }: StoreContext): Store {
  const watched = watchTrouble(onTrouble);
  const schema = once(() =>
    backend.migrateWith((database) =>
      migrate(database, { dialect: backend.dialect, steps: schemaSteps, clock }),
    ),
  );
  const write: SqlAccess['write'] = (work) =>
    watched(async () => await schema().then(() => backend.write(work)));
  const now = timeOf(backend.dialect, clock);
  const check = async (): Promise<StoreHealth> => {
    const startMs = clock.now();
    const { version, state, gatewaysAlone } = await backend.write(async (database) => {
      const version = await readVersion(database, backend.version);
      const state = await findSchema(database, backend.dialect);
      const isThere = state.step >= gatewaysAloneStep.step;
      return { version, state, gatewaysAlone: isThere ? await countGatewaysAlone(database, now) : 0 };
    });
    assertCompatible(state, schemaSteps.length);
    const facts = {
      dialect: backend.dialect,
      version,
      schemaStep: state.step,
      schemaKnown: schemaSteps.length,
      gatewaysAlone,
    };
    const connections = backend.connections?.();
    const health = { ...facts, tookMs: clock.now() - startMs };
    return connections === undefined ? health : { ...health, connections };
  };
  const access: SqlAccess = {
    write,
    // Where nothing can be written now, what is there may still be read.
    report: (work) =>
      watched(
        async () =>
          await schema()
            .catch(passOutage)
            .then(() => backend.report(work)),
      ),
  };
  return {
    ledger: createSqlLedger(access, backend.dialect),
    ledgerRetention: createSqlLedgerRetention(access, backend.dialect),
    replays: (options) => createSqlReplays({ write, now, dialect: backend.dialect }, options),
    replayFacts: createSqlReplayFacts(access),
    contents: createSqlContents({ write, now }),
    erasures: createSqlErasures({ write, now, dialect: backend.dialect }),
    dataKeys: createSqlDataKeys(access),
    secretRows: createSqlSecretRows(access),
    directory: createSqlDirectory(access, { clock, dialect: backend.dialect }),
    keyUses: createSqlKeyUses(access),
    audit: createSqlAudit(access),
    configVersions: createSqlConfigVersions(access),
    gatewaysAlone: createSqlGatewaysAlone({ write, now }),
    migrate: () => watched(schema),
    check: () => watched(check),
    close: () => backend.close(),
  };
}

async function readVersion(database: Database, expression: string): Promise<string> {
  const { rows } = await sql<{ version: string }>`select ${sql.raw(expression)} as version`.execute(database);
  return rows[0]?.version ?? '';
}

/** Done when it has worked once; until then each caller tries, or waits for the one that does. */
function once(work: () => Promise<unknown>): () => Promise<void> {
  let done = false;
  let running: Promise<void> | undefined;
  return async () => {
    if (done) return;
    running ??= work()
      .then(() => {
        done = true;
      })
      .finally(() => {
        running = undefined;
      });
    await running;
  };
}

type Watched = <T>(work: () => Promise<T>) => Promise<T>;

function watchTrouble(onTrouble: (trouble: Error | undefined) => void): Watched {
  let troubled = false;
  return async (work) => {
    try {
      const result = await work();
      if (troubled) onTrouble(undefined);
      troubled = false;
      return result;
    } catch (error) {
      if (isOutage(error)) {
        if (!troubled) onTrouble(error);
        troubled = true;
      }
      throw error;
    }
  };
}

function passOutage(error: unknown): void {
  if (!isOutage(error)) throw error;
}
