/**
 * pg's pool with what it lacks: connections are tried out after a rest, replaced with age, given up when the share
 * shrinks, and not opened again and again while the server refuses them. None of its errors ends the process (R21).
 */
import type { PostgresPool } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../../lib/clock.ts';
import { unavailable } from '../sql/outage.ts';
import { CheckedClient } from './checked-client.ts';
import { judge } from './postgres-failure.ts';
import { ReconnectPause } from './reconnect-pause.ts';

export interface CheckedPoolOptions {
  readonly clock: Clock;
  /** How many connections it may have now. */
  readonly size: () => number;
  readonly idleCheckMs: number;
  readonly recycleMs: number;
  /** False while others wait for a connection to be given back. */
  readonly isKept: () => boolean;
  /** Rejects where the connection may not stay. Asks of a new connection what must be known of the server. */
  readonly onConnect: (client: PoolClient) => Promise<void>;
  /** Whether the server has become one that is not asked any more. */
  readonly isOutdated: (client: PoolClient) => boolean;
}

interface ClientFacts {
  readonly recycleAtMs: number;
  /** Absent until it was given back once. */
  returnedAtMs?: number;
}

/** Work that waits for a connection; beyond it new work is refused. */
const waitingMax = 256;
const livenessTimeoutMs = 1_000;
/** pg's own words for a caller whose turn has not come. */
const notInTurn = /^timeout exceeded when trying to connect/;

export class CheckedPool implements PostgresPool {
  /** kysely asks for it to build clients of its own, which it does for nothing that we use. */
  readonly options = {};
  readonly #pool: Pool;
  readonly #settings: CheckedPoolOptions;
  readonly #pause: ReconnectPause;
  #closing = 0;
  readonly #greeted = new Set<PoolClient>();
  readonly #facts = new WeakMap<PoolClient, ClientFacts>();

  constructor(pool: Pool, settings: CheckedPoolOptions) {
    this.#pool = pool;
    this.#settings = settings;
    this.#pause = new ReconnectPause(settings.clock);
    pool.on('connect', (client) => this.#meet(client));
    pool.on('remove', (client) => this.#greeted.delete(client));
    // pg has let go of the connection. Who needs one next opens another, or is told why there is none.
    pool.on('error', () => undefined);
  }

  get open(): number {
    return this.#pool.totalCount;
  }

  async connect(): Promise<CheckedClient> {
    this.resize();
    if (this.#pool.waitingCount >= waitingMax) {
      throw unavailable(`${waitingMax} pieces of work wait for a connection to PostgreSQL already`);
    }
    // Each round takes a bad connection out of the pool; after the last there is none that is not new.
    for (let rounds = this.#pool.totalCount + 1; rounds > 0; rounds -= 1) {
      const client = await this.#take();
      if (await this.#isFit(client)) return new CheckedClient(client, this.#giveBack);
      client.release(true);
    }
    throw unavailable('PostgreSQL closed every connection that was tried');
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }

  /** To the share of now. Idle connections beyond it are closed at once, others when they come back. */
  resize(): void {
    const size = this.#settings.size();
    this.#pool.options.max = this.#pause.failing ? Math.min(size, this.#mostWhileFailing()) : size;
    const beyond = this.#pool.totalCount - size - this.#closing;
    for (let left = Math.min(this.#pool.idleCount, beyond); left > 0; left -= 1) this.#closeOne();
  }

  /** Whoever comes waits in line for those that are open, and one at a time tries for more: many at once would hinder each other. */
  #mostWhileFailing(): number {
    return Math.max(1, this.#greeted.size + (this.#pause.reason === undefined ? 1 : 0));
  }

  #closeOne(): void {
    this.#closing += 1;
    this.#pool.connect((_error, client) => {
      this.#closing -= 1;
      client?.release(true);
    });
  }

  readonly #giveBack = (client: PoolClient, destroy: boolean): void => {
    const facts = this.#factsOf(client);
    facts.returnedAtMs = this.#settings.clock.now();
    const tooMany = this.#pool.totalCount > this.#settings.size();
    const goes = destroy || tooMany || !this.#settings.isKept();
    client.release(goes || facts.returnedAtMs >= facts.recycleAtMs);
  };

  async #take(): Promise<PoolClient> {
    const reason = this.#pause.reason;
    if (reason !== undefined && this.#pool.totalCount === 0) throw reason;
    try {
      return await this.#pool.connect();
    } catch (thrown) {
      if (thrown instanceof Error && notInTurn.test(thrown.message)) {
        throw unavailable(`all ${this.#pool.options.max} connections to PostgreSQL are busy`, thrown);
      }
      const { error } = judge(thrown);
      this.#pause.failed(error);
      throw error;
    }
  }

  #meet(client: PoolClient): void {
    // pg listens while a connection is idle; while somebody has it, an error that nobody hears would end us.
    client.on('error', () => undefined);
    this.#factsOf(client);
  }

  #factsOf(client: PoolClient): ClientFacts {
    const known = this.#facts.get(client);
    if (known !== undefined) return known;
    // Connections that were opened together are not replaced together.
    const lifeMs = this.#settings.recycleMs * (0.9 + Math.random() / 5);
    const facts: ClientFacts = { recycleAtMs: this.#settings.clock.now() + lifeMs };
    this.#facts.set(client, facts);
    return facts;
  }

  async #isFit(client: PoolClient): Promise<boolean> {
    const { recycleAtMs, returnedAtMs } = this.#factsOf(client);
    if (returnedAtMs === undefined) return await this.#greet(client);
    const nowMs = this.#settings.clock.now();
    if (nowMs >= recycleAtMs || this.#settings.isOutdated(client)) return false;
    return nowMs - returnedAtMs < this.#settings.idleCheckMs || (await isAlive(client));
  }

  /** A new connection that does not answer tells why there is none. */
  async #greet(client: PoolClient): Promise<true> {
    try {
      await this.#settings.onConnect(client);
      this.#pause.succeeded();
      this.#greeted.add(client);
      return true;
    } catch (thrown) {
      client.release(true);
      const { error } = judge(thrown);
      this.#pause.failed(error);
      throw error;
    }
  }
}

/** A server that was stopped, or a firewall that forgot the connection, answers nothing. */
async function isAlive(client: PoolClient): Promise<boolean> {
  const question = { text: 'select 1', query_timeout: livenessTimeoutMs };
  return await client.query(question).then(
    () => true,
    () => false,
  );
}
