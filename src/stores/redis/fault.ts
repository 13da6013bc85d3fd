/** What can be wrong with Redis, as one table; and every error of the client or the server as one of its rows. */

interface FaultKind {
  /**
   * What it means for the server as a whole: `out` says by itself that nothing can be kept there, `suspect` does when
   * it comes often, `own` is no fault of the server's.
   */
  readonly weight: 'out' | 'suspect' | 'own';
  readonly says: string;
}

export const faultKinds = {
  offline: { weight: 'suspect', says: 'there is no connection' },
  timeout: { weight: 'suspect', says: 'it did not answer in time' },
  refused: { weight: 'suspect', says: 'it refused a command' },
  busy: { weight: 'suspect', says: 'a script holds it up' },
  readonly: { weight: 'out', says: 'it is a replica and takes no writes' },
  loading: { weight: 'out', says: 'it is still loading its data' },
  clusterdown: { weight: 'out', says: 'its cluster is down' },
  moved: { weight: 'out', says: 'it is part of a cluster and holds other keys; clusters are not supported' },
  oom: { weight: 'out', says: 'it has no memory left and may not evict anything' },
  misconfigured: { weight: 'out', says: 'it cannot save and takes no writes' },
  unauthenticated: { weight: 'out', says: 'user name or password are wrong or missing' },
  forbidden: { weight: 'out', says: 'the user may not do what is needed' },
  noscript: { weight: 'own', says: 'it does not know the script' },
  wrongtype: { weight: 'own', says: 'something else lies at our key' },
  overload: { weight: 'own', says: 'too many operations are waiting for it' },
  closed: { weight: 'own', says: 'the connection was closed by us' },
} as const satisfies Record<string, FaultKind>;

export type RedisFault = keyof typeof faultKinds;

export class RedisError extends Error {
  readonly kind: RedisFault;

  constructor(kind: RedisFault, options: { detail?: string; cause?: unknown } = {}) {
    const detail = options.detail === undefined ? '' : ` (${bounded(options.detail)})`;
    super(
      `Redis: ${faultKinds[kind].says}${detail}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = 'RedisError';
    this.kind = kind;
  }
}

/** The first that matches. Redis puts the code first, and in scripts sometimes behind `ERR`. */
const byReply: readonly (readonly [RegExp, RedisFault])[] = [
  [/^NOSCRIPT/, 'noscript'],
  [/^WRONGTYPE/, 'wrongtype'],
  [/^READONLY/, 'readonly'],
  [/^(?:LOADING|MASTERDOWN)/, 'loading'],
  [/^CLUSTERDOWN|^TRYAGAIN/, 'clusterdown'],
  [/^(?:MOVED|ASK|CROSSSLOT)/, 'moved'],
  [/^OOM/, 'oom'],
  [/^(?:MISCONF|NOREPLICAS)/, 'misconfigured'],
  [/^(?:NOAUTH|WRONGPASS)|^ERR (?:AUTH|invalid password)/, 'unauthenticated'],
  [/^NOPERM|^ERR The user executing the script/, 'forbidden'],
  [/^(?:BUSY|UNKILLABLE)/, 'busy'],
];

/** Whatever the server answers begins with a code in capitals; the client's and the system's own errors do not. */
const reply = /^[A-Z]{2,}[A-Z0-9]* /;

export function asRedisError(thrown: unknown): RedisError {
  if (thrown instanceof RedisError) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  const otherwise = reply.test(detail) ? 'refused' : 'offline';
  const kind = byReply.find(([pattern]) => pattern.test(detail))?.[1] ?? otherwise;
  return new RedisError(kind, { detail, cause: thrown });
}

const detailCharsMax = 200;

function bounded(text: string): string {
  const shown = text.replaceAll(/\p{Cc}/gu, ' ');
  return shown.length <= detailCharsMax ? shown : `${shown.slice(0, detailCharsMax - 1).toWellFormed()}…`;
}
