/** One connection for as long as somebody has it: its errors are judged, and once it is lost nothing is asked of it. */
import type { PostgresCursor, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { PoolClient } from 'pg';
import { fail } from '../../core/failure.ts';
import { judge } from './postgres-failure.ts';

/** Gives the connection back; `destroy` when nobody shall have it again. */
export type GiveBack = (client: PoolClient, destroy: boolean) => void;

export class CheckedClient implements PostgresPoolClient {
  readonly #client: PoolClient;
  readonly #giveBack: GiveBack;
  #lost: Error | undefined;

  constructor(client: PoolClient, giveBack: GiveBack) {
    this.#client = client;
    this.#giveBack = giveBack;
  }

  query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>;
  query<Row>(
    asked: string | PostgresCursor<Row>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<Row>> | PostgresCursor<Row> {
    if (typeof asked === 'string') return this.#ask(asked, parameters);
    throw fail('internal', 'the database is asked for pages, and not through cursors');
  }

  release(destroy = false): void {
    this.#giveBack(this.#client, destroy || this.#lost !== undefined);
  }

  async #ask<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    // A rollback on it would wait for what is not coming.
    if (this.#lost !== undefined) throw this.#lost;
    try {
      const { command, rowCount, rows } = await this.#client.query(sql, [...parameters]);
      return { command: command as PostgresQueryResult<Row>['command'], rowCount: rowCount ?? 0, rows };
    } catch (thrown) {
      const { error, lost } = judge(thrown);
      if (lost) this.#lost = error;
      throw error;
    }
  }
}
