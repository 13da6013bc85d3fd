/** How many connections one replica may open, so that all of them together leave PostgreSQL room (R4). */

/** For migrations, backups, monitoring and whoever looks into it by hand. */
const reservedConnections = 10;
const shareMin = 2;

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
  /** Reports have connections of their own: any number of slow ones leaves `short` alone (DP12). */
  readonly reports: number;
}

const reportsMax = 4;

export function poolShare({ configured, serverMax, replicas }: PoolShareFacts): PoolShare {
  const allowed =
    serverMax === undefined ? configured : Math.min(configured, serverMax - reservedConnections);
  const share = Math.max(shareMin, Math.floor(allowed / Math.max(1, replicas)));
  const reports = Math.min(reportsMax, Math.max(1, Math.floor(share / 4)));
  return { short: share - reports, reports };
}
