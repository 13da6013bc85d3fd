/**
 * What one PostgreSQL server has room for, and this replica's share of it. How many replicas there are is known late, or not at
 * all while Redis is away: so each new connection is counted by the server itself, and whoever comes too late leaves again.
 */
import type { PoolClient } from 'pg';
import { Failure } from '../../core/failure.ts';
import { type PoolShare, placesOf, poolShare } from './pool-share.ts';

export interface ServerPlacesOptions {
  /** Of all replicas together. */
  readonly configured: number;
  readonly replicas: () => number;
  /** Told once when there are more replicas than connections, and once with nothing when there no longer are. */
  readonly onScarce: (told: string | undefined) => void;
}

/** By these names the server knows our connections, those of other replicas too. Who only looks takes no place. */
export const purposes = ['short', 'reports', 'migration'] as const;
const names = purposes.map((purpose) => `'${nameOf(purpose)}'`).join(', ');

/** All that are there by now, also those that only look: of two that come at once at least one sees the other. */
const count = `
  select current_setting('max_connections') as most, count(*) as taken
  from pg_stat_activity where application_name in (${names})`;

export class ServerPlaces {
  readonly #options: ServerPlacesOptions;
  #serverMax: number | undefined;
  #scarce = false;
  /** When a connection was last counted, ours and others' together. */
  #taken = 0;
  readonly #ours = new Set<() => number>();

  constructor(options: ServerPlacesOptions) {
    this.#options = options;
  }

  /** What all replicas together may open, as far as it is known. */
  get ofAll(): number {
    return placesOf(this.#serverMax);
  }

  share(): PoolShare {
    const { configured } = this.#options;
    const replicas = this.#options.replicas();
    const share = poolShare({ configured, serverMax: this.#serverMax, replicas });
    if (share.inTurn !== this.#scarce) {
      this.#scarce = share.inTurn;
      this.#options.onScarce(share.inTurn ? this.#scarceness(replicas) : undefined);
    }
    return share;
  }

  /** Whose connections are ours, until it is told that they no longer are. */
  own(open: () => number): () => void {
    this.#ours.add(open);
    return () => void this.#ours.delete(open);
  }

  /**
   * Whether what was used is kept for the next use, and not given up for others: never where there are too many of them. Of
   * the last place nobody knows who waits for it: who has more than one connection leaves it free.
   */
  get isKept(): boolean {
    if (this.share().inTurn) return false;
    if (this.#taken < this.ofAll) return true;
    let ours = 0;
    for (const open of this.#ours) ours += open();
    return ours <= 1;
  }

  /** Of a new connection: rejects where there was no place left for it. */
  async enter(client: PoolClient): Promise<void> {
    const { rows } = await client.query<{ most: string; taken: number }>(count);
    this.#serverMax = Number(rows[0]?.most);
    this.#taken = Number(rows[0]?.taken);
    if (this.#taken <= this.ofAll) return;
    throw new NoPlaceError(this.ofAll);
  }

  #scarceness(replicas: number): string {
    return `${replicas} gateways take turns at the ${this.ofAll} connections that PostgreSQL has for them: its max_connections, less ten, should be more than their number`;
  }
}

/** PostgreSQL is there, and its connections are with others. */
export class NoPlaceError extends Failure {
  constructor(places: number) {
    super(
      `the ${places} connections to PostgreSQL that gateways may have (its max_connections less ten) are all taken`,
      { code: 'dependency_unavailable', retryAfterS: 1 },
    );
    this.name = 'NoPlaceError';
  }
}

export function nameOf(purpose: string): string {
  return `millrace ${purpose}`;
}
