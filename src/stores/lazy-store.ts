/**
 * A store that is opened when it is first needed, and let go when it was not for a while: who has not asked it anything
 * pays neither for its code nor for its thread or connections.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Store } from './sql/store.ts';

export interface LazyStoreOptions {
  readonly open: () => Promise<Store>;
  readonly clock: Clock;
  /** Without a question for so long, it is closed until the next one. */
  readonly idleMs: number;
  /** It could not be closed when nobody needed it: the next question opens another one all the same. */
  readonly onCloseFailed: (cause: unknown) => void;
}

export function createLazyStore({ open, clock, idleMs, onCloseFailed }: LazyStoreOptions): Store {
  let opened: Promise<Store> | undefined;
  /** Never rejects: whoever waits for it wants to know that it is over, however it went. */
  let closing: Promise<void> = Promise.resolve();
  let users = 0;
  let idle: Timer | undefined;

  const release = async () => {
    const last = opened;
    opened = undefined;
    if (last === undefined) return await closing;
    const closed = last.then((store) => store.close());
    closing = closed.catch(() => undefined);
    await closed;
  };
  const found = (opening: Promise<Store>): Promise<Store> =>
    opening.catch((reason: unknown) => {
      // The next one tries again.
      if (opened === opening) opened = undefined;
      throw reason;
    });
  const use: Use = async (work) => {
    idle?.cancel();
    users += 1;
    try {
      // The one before must have left its file.
      opened ??= closing.then(open);
      return await work(await found(opened));
    } finally {
      users -= 1;
      if (users === 0) idle = clock.after(idleMs, () => void release().catch(onCloseFailed));
    }
  };
  return {
    ...recordsOver(use),
    ...knowledgeOver(use),
    migrate: () => use((store) => store.migrate()),
    check: () => use((store) => store.check()),
    close: async () => {
      idle?.cancel();
      await release();
    },
  };
}

type Use = <T>(work: (store: Store) => Promise<T>) => Promise<T>;

/** What happened, and what was said. */
function recordsOver(
  use: Use,
): Pick<Store, 'ledger' | 'ledgerRetention' | 'replays' | 'replayFacts' | 'contents' | 'erasures' | 'audit'> {
  return {
    ledger: {
      append: (rows) => use((store) => store.ledger.append(rows)),
      sum: (question) => use((store) => store.ledger.sum(question)),
      page: (question) => use((store) => store.ledger.page(question)),
      hours: (question) => use((store) => store.ledger.hours(question)),
    },
    ledgerRetention: {
      anonymise: (erasure) => use((store) => store.ledgerRetention.anonymise(erasure)),
      prune: (beforeMs) => use((store) => store.ledgerRetention.prune(beforeMs)),
    },
    replays: (options) => ({
      begin: (claim) => use((store) => store.replays(options).begin(claim)),
      renew: (tokens) => use((store) => store.replays(options).renew(tokens)),
      end: (claim, token, ending) => use((store) => store.replays(options).end(claim, token, ending)),
      erase: (tenant, user) => use((store) => store.replays(options).erase(tenant, user)),
      prune: () => use((store) => store.replays(options).prune()),
    }),
    replayFacts: {
      page: (owner, after, rowsMax) => use((store) => store.replayFacts.page(owner, after, rowsMax)),
    },
    contents: {
      append: (contents) => use((store) => store.contents.append(contents)),
      find: (tenant, id) => use((store) => store.contents.find(tenant, id)),
      page: (owner, after, rowsMax) => use((store) => store.contents.page(owner, after, rowsMax)),
      erase: (subject, untilMs) => use((store) => store.contents.erase(subject, untilMs)),
      prune: () => use((store) => store.contents.prune()),
    },
    erasures: {
      begin: (subject, leaseMs) => use((store) => store.erasures.begin(subject, leaseMs)),
      due: (rowsMax) => use((store) => store.erasures.due(rowsMax)),
      postpone: (erasure, forMs) => use((store) => store.erasures.postpone(erasure, forMs)),
      end: (erasure) => use((store) => store.erasures.end(erasure)),
      any: () => use((store) => store.erasures.any()),
    },
    audit: {
      append: (event) => use((store) => store.audit.append(event)),
      page: (question) => use((store) => store.audit.page(question)),
      verify: (since, recordsMax) => use((store) => store.audit.verify(since, recordsMax)),
    },
  };
}

/** Who there is, and what holds. */
function knowledgeOver(
  use: Use,
): Pick<Store, 'dataKeys' | 'secretRows' | 'directory' | 'keyUses' | 'configVersions' | 'gatewaysAlone'> {
  return {
    dataKeys: {
      find: (owner) => use((store) => store.dataKeys.find(owner)),
      insert: (key) => use((store) => store.dataKeys.insert(key)),
      remove: (tenant, user) => use((store) => store.dataKeys.remove(tenant, user)),
      outdated: (question) => use((store) => store.dataKeys.outdated(question)),
      replace: (before, after) => use((store) => store.dataKeys.replace(before, after)),
    },
    secretRows: {
      list: () => use((store) => store.secretRows.list()),
      find: (name) => use((store) => store.secretRows.find(name)),
      put: (row) => use((store) => store.secretRows.put(row)),
      remove: (name) => use((store) => store.secretRows.remove(name)),
    },
    directory: {
      find: (place) => use((store) => store.directory.find(place)),
      page: (question) => use((store) => store.directory.page(question)),
      put: (...asked) => use((store) => store.directory.put(...asked)),
      remove: (...asked) => use((store) => store.directory.remove(...asked)),
      changes: (since, rowsMax) => use((store) => store.directory.changes(since, rowsMax)),
    },
    keyUses: {
      note: (uses) => use((store) => store.keyUses.note(uses)),
      of: (tenant, names) => use((store) => store.keyUses.of(tenant, names)),
    },
    configVersions: {
      find: (number) => use((store) => store.configVersions.find(number)),
      page: (question) => use((store) => store.configVersions.page(question)),
      append: (draft, after) => use((store) => store.configVersions.append(draft, after)),
    },
    gatewaysAlone: {
      announce: (id) => use((store) => store.gatewaysAlone.announce(id)),
      leave: (id) => use((store) => store.gatewaysAlone.leave(id)),
    },
  };
}
