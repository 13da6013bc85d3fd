/** How many connections one replica may open, so that all of them together leave PostgreSQL room (R4). */

/** For backups, monitoring and whoever looks into it by hand. */
const reservedConnections = 10;

export interface PoolShareFacts {
  /** What the operator allows all replicas together. */
  readonly configured: number;
  /** The server's `max_connections`; absent until it has been asked. */
  readonly serverMax: number | undefined;
  readonly replicas: number;
}

export interface PoolShare {
  /** For what rows and short questions need. */
  readonly short: number;
  /** Reports have connections of their own: any number of slow ones leaves `short` alone (DP12). Not where there is one in all. */
  readonly reports: number;
  /** More replicas than connections: whoever has one gives it back when it has done its work. */
  readonly inTurn: boolean;
}

const reportsMax = 4;

export function poolShare({ configured, serverMax, replicas }: PoolShareFacts): PoolShare {
  const places = placesOf(serverMax);
  const share = Math.max(1, Math.floor(Math.min(configured, places) / Math.max(1, replicas)));
  const reports = share === 1 ? 0 : Math.min(reportsMax, Math.max(1, Math.floor(share / 4)));
  return { short: share - reports, reports, inTurn: replicas > places };
}

/** What all replicas together may open on a server. */
export function placesOf(serverMax: number | undefined): number {
  return serverMax === undefined ? Number.POSITIVE_INFINITY : Math.max(1, serverMax - reservedConnections);
}
