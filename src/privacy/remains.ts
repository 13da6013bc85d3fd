/** What an erasure cannot reach: said to whoever asked for it, and in the documentation. */

/** What stands where it is about the gateway that is asked. */
export interface RemainsFacts {
  readonly store: 'sqlite' | 'postgres';
  readonly shared: 'memory' | 'redis';
  /** Names of keys in the configuration file that name the person. */
  readonly configuredKeys: readonly string[];
}

export interface Remainder {
  readonly what: string;
  readonly where: string;
  readonly until: string;
  readonly why: string;
}

interface Row extends Remainder {
  /** Always where absent. */
  readonly when?: (facts: RemainsFacts) => boolean;
}

/** The order is that of what people ask about most. */
export const remains: readonly Row[] = [
  {
    what: 'who did what, by name; never a prompt or an answer',
    where: 'the audit log, the record of this erasure included',
    until: 'as long as the log is kept',
    why: 'each record proves the one before it: without one of them nothing proves the others',
  },
  {
    what: 'exchanges that ended shortly before, with the names of user and key',
    where: 'the spool of each gateway, on the way to the ledger',
    until: 'seconds, while the store is there; the names are taken out for 24 hours as they arrive',
    why: 'they are on their way; of a gateway that is down for longer they keep the name: ask again then',
  },
  {
    what: 'exchanges that are under way now',
    where: 'conversations, replays and prompts that are kept when they end',
    until: 'the end of their time; ask again in ten minutes to have them erased too',
    why: 'they began before and end after',
  },
  {
    what: 'names of user and key, never a prompt or an answer',
    where: 'log files, and alerts that were sent',
    until: 'whoever keeps them removes them',
    why: 'they left the gateway as they were written',
  },
  {
    what: 'everything that was there when they were made',
    where: 'backups, snapshots and dumps of the store',
    until: 'whoever keeps them replaces them',
    why: 'a copy has the wrapped data key beside what it sealed: with the master key it can be read',
  },
  {
    what: 'rows that were deleted',
    where: 'the files of PostgreSQL, its log and its replicas',
    until: 'it has vacuumed, and recycled its log',
    why: 'PostgreSQL overwrites nothing at once',
    when: ({ store }) => store === 'postgres',
  },
  {
    what: 'conversations, sealed',
    where: 'the files and replicas of Redis',
    until: 'it has written them anew',
    why: 'they open with a key that is destroyed',
    when: ({ store, shared }) => shared === 'redis' && store === 'postgres',
  },
  {
    what: 'conversations, sealed',
    where: 'the files and replicas of Redis',
    until: 'it has written them anew',
    why: 'with SQLite their keys are derived from the master key, and none can be destroyed alone',
    when: ({ store, shared }) => shared === 'redis' && store === 'sqlite',
  },
  {
    what: 'the data key',
    where: 'the memory of other gateways',
    until: '60 seconds at most; 15 minutes where they cannot reach the store',
    why: 'they are told at once, and may be cut off',
  },
  {
    what: 'the names of the user and of the keys that were removed',
    where: 'the directory, as removed',
    until: '2 days',
    why: 'gateways that were cut off have to learn that they are gone',
  },
  {
    what: 'counters by the name of user or key',
    where: 'limits and budgets, and the snapshot of budgets beside each gateway',
    until: 'their windows end',
    why: 'whoever comes back under the name begins where he stood',
  },
  {
    what: 'sessions of the console',
    where: 'the memory of the gateways, or Redis',
    until: 'they end, or are ended',
    why: 'they are kept by what their cookie says, which is known to its owner alone',
  },
  {
    what: 'keys of the configuration file that name the user',
    where: 'the configuration',
    until: 'you remove them',
    why: 'the gateway changes no file of yours: who holds such a key begins anew',
    when: ({ configuredKeys }) => configuredKeys.length > 0,
  },
  {
    what: 'prompts and answers',
    where: 'the servers and accounts behind the gateway',
    until: 'their own rules say',
    why: 'they were sent there to be answered',
  },
];

export function remainsOf(facts: RemainsFacts): Remainder[] {
  return remains
    .filter(({ when = () => true }) => when(facts))
    .map(({ what, where, until, why }) => ({ what, where, until, why }));
}
