/**
 * Replays over either database. A claim is one statement, so that of any number of gateways that come at once one has
 * it; a claim that nobody renews, and a reply that is too old, count as gone before they are removed.
 */
import { randomBytes } from 'node:crypto';
import { type Expression, sql } from 'kysely';
import type { Replays, Sealers } from '../../core/ports.ts';
import type { KeptReply, ReplayClaim, ReplayEnding, ReplayState } from '../../core/replay.ts';
import type { Clock } from '../../lib/clock.ts';
import type { SqlAccess } from './ledger.ts';
import { forgetOldest, type ReplayBound } from './replay-bound.ts';
import { packReply, unpackReply } from './replay-bytes.ts';
import type { Database, SqlDialect } from './tables.ts';

export interface ReplaysOptions {
  /** How long a reply is kept. */
  readonly ttlMs: number;
  /** How long a claim holds that is not renewed. */
  readonly leaseMs: number;
  /** Replies lie there as they were sent when absent. */
  readonly sealers?: Pick<Sealers, 'of'> | undefined;
  /** Of what each tenant has there; nobody looks where it is absent. */
  readonly bound?: ReplayBound | undefined;
}

export interface SqlReplaysContext extends Pick<SqlAccess, 'write'> {
  readonly now: Now;
  readonly dialect: SqlDialect;
}

/** Milliseconds since 1970, as all who share the database see them. */
export type Now = () => Expression<number>;

/** A server's own clock is one for all its gateways; an embedded database has one gateway's. */
export function timeOf(dialect: SqlDialect, clock: Clock): Now {
  if (dialect === 'sqlite') return () => sql.val(Math.trunc(clock.wall()));
  return () => sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`;
}

const pruneRowsMax = 500;
const renewedMax = 500;
/** A claim that was released between two looks at it is tried for again so often. */
const triesMax = 3;

export function createSqlReplays(context: SqlReplaysContext, options: ReplaysOptions): Replays {
  return new SqlReplays(context, options);
}

class SqlReplays implements Replays {
  readonly #write: SqlAccess['write'];
  readonly #now: Now;
  readonly #dialect: SqlDialect;
  readonly #options: ReplaysOptions;

  constructor({ write, now, dialect }: SqlReplaysContext, options: ReplaysOptions) {
    this.#write = write;
    this.#now = now;
    this.#dialect = dialect;
    this.#options = options;
  }

  async begin(claim: ReplayClaim): Promise<ReplayState> {
    const found = await this.#write(async (database): Promise<ReplayState | SealedReply> => {
      for (let tries = 0; tries < triesMax; tries += 1) {
        const token = await this.#claim(database, claim);
        if (token !== undefined) return { kind: 'begun', token };
        const state = await this.#look(database, claim);
        if (state !== undefined) return state;
      }
      return { kind: 'under-way' };
    });
    return found.kind === 'sealed' ? await this.#open(claim, found.reply) : found;
  }

  async renew(tokens: readonly string[]): Promise<void> {
    if (tokens.length > 0) await this.#renew(tokens);
    await this.#options.bound?.settled();
  }

  async end(claim: ReplayClaim, token: string, ending: ReplayEnding): Promise<void> {
    const reply = typeof ending === 'string' ? null : await this.#seal(claim, ending);
    await this.#write(async (database) => {
      if (ending === 'undone') {
        await database.deleteFrom('replays').where('token', '=', token).execute();
        return;
      }
      await database
        .updateTable('replays')
        .set({ state: 'done', reply, until_ms: this.#after(this.#options.ttlMs) })
        .where('token', '=', token)
        .execute();
    });
    if (reply !== null) this.#keepWithin(claim.tenant, reply.length);
  }

  async erase(tenant: string, user?: string): Promise<number> {
    return await this.#write(async (database) => {
      const all = database.deleteFrom('replays').where('tenant', '=', tenant);
      const { numDeletedRows } = await (user === undefined
        ? all
        : all.where('user', '=', user)
      ).executeTakeFirst();
      return Number(numDeletedRows);
    });
  }

  async prune(): Promise<number> {
    return await this.#write(async (database) => {
      const { numDeletedRows } = await database
        .deleteFrom('replays')
        .where('token', 'in', (from) =>
          from
            .selectFrom('replays')
            .select('token')
            .where('until_ms', '<=', this.#now())
            .orderBy('until_ms')
            .limit(pruneRowsMax),
        )
        .executeTakeFirst();
      return Number(numDeletedRows);
    });
  }

  async #renew(tokens: readonly string[]): Promise<void> {
    await this.#write(async (database) => {
      for (let from = 0; from < tokens.length; from += renewedMax) {
        await database
          .updateTable('replays')
          .set({ until_ms: this.#after(this.#options.leaseMs) })
          .where('token', 'in', tokens.slice(from, from + renewedMax))
          .where('state', '=', 'claimed')
          .execute();
      }
    });
  }

  /** Whoever is given this answer waits for his own alone: it may take seconds. What goes wrong is told by the next renewal. */
  #keepWithin(tenant: string, bytes: number): void {
    const { bound } = this.#options;
    if (bound?.isDue(tenant, bytes) !== true) return;
    const bounds = { tenant, bytesMax: bound.bytesMax, now: this.#now, dialect: this.#dialect };
    bound.begin(() => this.#write((database) => forgetOldest(database, bounds)));
  }

  /** The token of a claim that is ours now; nothing where somebody else has it, or had it not too long ago. */
  async #claim(database: Database, claim: ReplayClaim): Promise<string | undefined> {
    const { tenant, key, user, fingerprint } = claim;
    const ours = {
      user,
      fingerprint,
      token: randomBytes(16).toString('base64url'),
      state: 'claimed',
      until_ms: this.#after(this.#options.leaseMs),
      reply: null,
    } as const;
    const taken = await database
      .insertInto('replays')
      .values({ tenant, key, ...ours })
      .onConflict((conflict) =>
        conflict.columns(['tenant', 'key']).doUpdateSet(ours).where('replays.until_ms', '<=', this.#now()),
      )
      .returning('token')
      .executeTakeFirst();
    return taken?.token;
  }

  async #look(database: Database, claim: ReplayClaim): Promise<ReplayState | SealedReply | undefined> {
    const row = await database
      .selectFrom('replays')
      .select(['user', 'fingerprint', 'state', 'reply'])
      .where('tenant', '=', claim.tenant)
      .where('key', '=', claim.key)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    if (row.fingerprint !== claim.fingerprint || row.user !== claim.user) return { kind: 'mismatch' };
    if (row.state === 'claimed') return { kind: 'under-way' };
    if (row.reply === null) return { kind: 'not-kept' };
    return { kind: 'sealed', reply: row.reply };
  }

  #after(ms: number): Expression<number> {
    return sql<number>`${this.#now()} + ${sql.lit(ms)}`;
  }

  async #seal(claim: ReplayClaim, reply: KeptReply): Promise<Uint8Array> {
    const plain = packReply(reply);
    const { sealers } = this.#options;
    if (sealers === undefined) return plain;
    return (await sealers.of(claim.tenant, claim.user)).seal(plain, aboutOf(claim));
  }

  async #open(claim: ReplayClaim, kept: Uint8Array): Promise<ReplayState> {
    const { sealers } = this.#options;
    if (sealers === undefined) return { kind: 'done', reply: unpackReply(kept) };
    const sealer = await sealers.of(claim.tenant, claim.user);
    try {
      return { kind: 'done', reply: unpackReply(sealer.open(kept, aboutOf(claim))) };
    } catch {
      // Its key was destroyed, as whoever asked to be forgotten wanted. That it was done is known all the same.
      return { kind: 'not-kept' };
    }
  }
}

interface SealedReply {
  readonly kind: 'sealed';
  readonly reply: Uint8Array;
}

function aboutOf({ tenant, key }: ReplayClaim): string {
  return `replay ${JSON.stringify([tenant, key])}`;
}
