/** kysely's driver over the one thread: whoever has the connection has it alone, the others wait in line. */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import { fail } from '../../core/failure.ts';
import type { Clock } from '../../lib/clock.ts';
import { unavailable } from '../sql/outage.ts';
import type { StatementRequest } from './statement.ts';
import { ThreadLink } from './thread-link.ts';

export interface SqliteDriverOptions {
  readonly path: string;
  readonly waitingMax: number;
  readonly clock: Clock;
}

interface Turn {
  readonly give: () => void;
  readonly refuse: (reason: Error) => void;
}

export class SqliteDriver implements Driver {
  readonly #options: SqliteDriverOptions;
  readonly #line: Turn[] = [];
  #taken = false;
  #closed = false;
  #link: ThreadLink | undefined;

  constructor(options: SqliteDriverOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteConnection> {
    await this.#takeTurn();
    // A thread that ended took its open transaction along: only new work gets a new one.
    try {
      return new SqliteConnection(this.#startedLink());
    } catch (error) {
      await this.releaseConnection();
      throw unavailable('the thread of the embedded database cannot be started', error);
    }
  }

  async beginTransaction(connection: SqliteConnection, { accessMode }: TransactionSettings): Promise<void> {
    // A transaction that reads first and then writes could not wait for another process: it would fail at once.
    await connection.run(accessMode === 'read only' ? 'begin' : 'begin immediate');
  }

  async commitTransaction(connection: SqliteConnection): Promise<void> {
    await connection.run('commit');
  }

  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    await connection.rollBack();
  }

  async releaseConnection(): Promise<void> {
    const next = this.#line.shift();
    if (next === undefined) this.#taken = false;
    else next.give();
  }

  async destroy(): Promise<void> {
    this.#closed = true;
    for (const { refuse } of this.#line.splice(0)) refuse(closed());
    // Whoever has the connection finishes: what was begun is committed or rolled back.
    if (this.#taken) await this.#nextTurn();
    await this.#link?.close(this.#options.clock);
  }

  async #takeTurn(): Promise<void> {
    if (this.#closed) throw closed();
    if (this.#taken) {
      if (this.#line.length >= this.#options.waitingMax) {
        throw unavailable(
          `${this.#options.waitingMax} pieces of work wait for the embedded database already`,
        );
      }
      await this.#nextTurn();
    }
    this.#taken = true;
  }

  #nextTurn(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#line.push({ give: resolve, refuse: reject });
    return promise;
  }

  #startedLink(): ThreadLink {
    if (this.#link === undefined || this.#link.ended) {
      this.#link = new ThreadLink({ path: this.#options.path });
    }
    return this.#link;
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #link: ThreadLink;

  constructor(link: ThreadLink) {
    this.#link = link;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const { rows, changes } = await this.#link.execute(sql, parameters as StatementRequest['parameters']);
    // The caller's types say what the statement selects; kysely asks the same trust of every driver.
    const typed = rows as Row[];
    return changes === undefined ? { rows: typed } : { rows: typed, numAffectedRows: BigInt(changes) };
  }

  streamQuery(): never {
    throw fail('internal', 'the embedded database gives whole answers only: ask for pages');
  }

  async run(sql: string): Promise<void> {
    await this.executeQuery(CompiledQuery.raw(sql));
  }

  /** A thread that ended has rolled back with it. */
  async rollBack(): Promise<void> {
    if (!this.#link.ended) await this.run('rollback');
  }
}

function closed(): Error {
  return unavailable('the embedded database is closed');
}
