/** The scripts of budgets, as calls with answers that are read: by the server's clock, and in its epoch. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { leaseMs } from '../budget-rules.ts';
import {
  beginScript,
  crossScript,
  readScript,
  releaseScript,
  reserveScript,
  settleScript,
  tellScript,
} from './budget-scripts.ts';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';
import type { Heard } from './heard-accounts.ts';
import { createScript, serverTime } from './script.ts';

/** From or for one account. */
export interface Amount {
  readonly heard: Heard;
  readonly limit: number;
  readonly amount: number;
}

export interface Told {
  readonly heard: Heard;
  /** What was spent as far as is known; -1 where that is not to be told. */
  readonly spent: number;
  /** See `tellScript`. */
  readonly how: 'first' | 'lost' | 'least';
  readonly toldPpm: number;
  readonly held: readonly { readonly id: string; readonly amount: number }[];
}

/** `lost`: the server is in another epoch than we. */
export type ServerAnswer =
  | { readonly is: 'ok'; readonly refused: Heard | undefined }
  | { readonly is: 'lost' }
  | { readonly is: 'clock' }
  | { readonly is: 'wait'; readonly ms: number }
  | { readonly is: 'unknown'; readonly of: readonly Heard[] };

export interface BudgetServerOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  /** Lua that sets `now` in microseconds: the server's own clock, unless a test holds it. */
  readonly time?: string | undefined;
}

const epochKey = 'millrace:{limits}:budgets';

export class BudgetServer {
  readonly #redis: Redis;
  readonly #clock: Clock;
  readonly #scripts;
  /** Of the server's clock before ours. */
  #aheadMs: number;
  /** The last that was heard of. */
  epoch = '';

  constructor({ redis, clock, time = serverTime }: BudgetServerOptions) {
    this.#redis = redis;
    this.#clock = clock;
    this.#aheadMs = clock.wall() - clock.now();
    this.#scripts = {
      begin: createScript('begin budgets', time + beginScript),
      release: createScript('release budgets', time + releaseScript),
      reserve: createScript('reserve', time + reserveScript),
      settle: createScript('settle budget', time + settleScript),
      tell: createScript('tell budgets', time + tellScript),
      cross: createScript('cross budget', crossScript),
      read: createScript('read budgets', readScript),
    };
  }

  get ready(): boolean {
    return this.#redis.state.ready;
  }

  /** The server's time, as far as we know. */
  get nowMs(): number {
    return Math.floor(this.#clock.now() + this.#aheadMs);
  }

  /** Begins an epoch where there is none: `isNew` then. `heldMs` is for how long nothing is given away in it yet. */
  async begin(holdMs: number): Promise<{ readonly isNew: boolean; readonly heldMs: number }> {
    const reply = await this.#redis.run(this.#scripts.begin, [epochKey], [randomUUID(), String(holdMs)]);
    const [epoch, created, nowMs, heldMs] = listOf(reply);
    this.#hear(nowMs);
    this.epoch = String(epoch);
    return { isNew: created === 1, heldMs: Number(heldMs) };
  }

  /** One of so many replicas has told all it knows; true when it was the last of them, and something may be given away. */
  async release(replica: string, replicas: number): Promise<boolean> {
    const args = [this.epoch, replica, String(replicas)];
    return (await this.#redis.run(this.#scripts.release, [epochKey], args)) === 1;
  }

  reserve(id: string, isNew: boolean, amounts: readonly Amount[]): Promise<ServerAnswer> {
    const each = amounts.flatMap(({ heard, limit, amount }) => [
      ...windowOf(heard),
      limit,
      amount,
      heard.holder,
    ]);
    return this.#ask('reserve', amounts, [id, leaseMs, this.epoch, isNew ? 1 : 0, ...each]);
  }

  settle(id: string, amounts: readonly Omit<Amount, 'limit'>[]): Promise<ServerAnswer> {
    const each = amounts.flatMap(({ heard, amount }) => [...windowOf(heard), amount, heard.holder]);
    return this.#ask('settle', amounts, [id, this.epoch, ...each]);
  }

  tell(told: readonly Told[]): Promise<ServerAnswer> {
    const each = told.flatMap(({ heard, spent, how, toldPpm, held }) => {
      const known = [...windowOf(heard), heard.holder, spent, how, toldPpm, held.length];
      return [...known, ...held.flatMap(({ id, amount }) => [id, amount])];
    });
    return this.#ask('tell', told, [this.epoch, leaseMs, ...each]);
  }

  /** Whether somebody is yet to be told that this share of it is spent: true for one of all replicas. */
  async cross({ keys }: Heard, sharePpm: number): Promise<boolean> {
    return (await this.#redis.run(this.#scripts.cross, [keys[0]], [String(sharePpm)])) === 1;
  }

  /** Of each account what is spent and set aside; -1 where nothing is known. */
  async read(keys: readonly string[]): Promise<readonly number[]> {
    const reply = listOf(await this.#redis.run(this.#scripts.read, keys, []));
    return reply.map(Number);
  }

  /** Some of the members of a set, and from where to go on. */
  async scan(
    key: string,
    cursor: string,
  ): Promise<{ readonly cursor: string; readonly members: readonly string[] }> {
    const [next, members] = listOf(await this.#redis.call(['SSCAN', key, cursor, 'COUNT', '500']));
    return { cursor: String(next), members: listOf(members).map(String) };
  }

  async #ask(
    script: 'reserve' | 'settle' | 'tell',
    accounts: readonly { readonly heard: Heard }[],
    args: readonly (string | number)[],
  ): Promise<ServerAnswer> {
    const keys = [epochKey, ...accounts.flatMap(({ heard }) => heard.keys)];
    const reply = await this.#redis.run(this.#scripts[script], keys, args.map(String));
    const [is, nowMs, ...rest] = listOf(reply);
    this.#hear(nowMs);
    if (is === 'ok') return this.#learn(accounts, rest);
    if (is === 'lost' || is === 'clock') return { is };
    if (is === 'wait') return { is, ms: Number(rest[0]) };
    if (is === 'unknown') return { is, of: rest.flatMap((at) => accounts[Number(at) - 1]?.heard ?? []) };
    throw new RedisError('refused', { detail: 'its answer about budgets makes no sense' });
  }

  #learn(accounts: readonly { readonly heard: Heard }[], rest: readonly unknown[]): ServerAnswer {
    const [epoch, refusedBy, ...counts] = rest;
    if (counts.length !== 3 * accounts.length || !counts.every(Number.isSafeInteger))
      throw new RedisError('refused', { detail: 'its answer about budgets makes no sense' });
    for (const [index, { heard }] of accounts.entries()) {
      // All that was spent of it is yet to be looked up.
      if (counts[3 * index] === -1) continue;
      heard.spent = Number(counts[3 * index]);
      heard.reserved = Number(counts[3 * index + 1]);
      heard.toldPpm = Number(counts[3 * index + 2]);
      heard.epoch = String(epoch);
    }
    return { is: 'ok', refused: accounts[Number(refusedBy) - 1]?.heard };
  }

  #hear(nowMs: unknown): void {
    if (Number.isSafeInteger(nowMs)) this.#aheadMs = Number(nowMs) - this.#clock.now();
  }
}

function windowOf({ window }: Heard): [number, number] {
  return [window.startMs, window.endMs];
}

function listOf(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw new RedisError('refused', { detail: 'its answer about budgets makes no sense' });
}
