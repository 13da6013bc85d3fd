/** What a gateway stands on: opened before it, and closed after it. Where one of them cannot be opened none stays open. */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { openMasterKeys } from '../identity/master-keys.ts';
import type { KeyRing } from '../lib/seal.ts';
import { openShared } from '../stores/open-shared.ts';
import { createSealers, type OpenSealers } from '../stores/sealers.ts';
import type { Shared } from '../stores/shared-state.ts';
import { Alarms } from './alarms.ts';
import { AloneWatch, type AloneWatchOptions, standsIn } from './alone-watch.ts';
import { type FollowedDirectory, openFollowedDirectory } from './followed-directory.ts';
import type { GatewayOptions } from './gateway.ts';
import { type KeptBudgets, openKeptBudgets } from './kept-budgets.ts';
import { openRecords, type Records } from './records.ts';
import { processesOf } from './workers/among.ts';

export interface Foundations {
  readonly alarms: Alarms;
  readonly records: Records;
  readonly shared: Shared;
  readonly sealers: OpenSealers;
  readonly masterKeys: KeyRing;
  readonly followed: FollowedDirectory;
  readonly keptBudgets: KeptBudgets;
  /** In the other order than they were opened; all of them, whatever fails. */
  close(): Promise<void>;
}

export async function openFoundations(options: GatewayOptions): Promise<Foundations> {
  const { config } = options.loaded;
  await mkdir(config.data, { recursive: true, mode: 0o700 });
  const { clock, log, among } = options;
  const alarms = new Alarms(config.alerts, { clock, log, strangers: config.strangers });
  const opened = new AsyncDisposableStack();
  try {
    const state = await openSharedState(options, alarms);
    opened.defer(() => state.close());
    alarms.shareWith(state);
    // They are told through what is shared: they end before it.
    opened.defer(() => alarms.close());
    const masterKeys = await openMasterKeys(config.secrets, config.data);
    const { presence } = state;
    const replicas = () => processesOf(presence.count(), among);
    const records = await openRecords({ config, clock, log, alarms, replicas, masterKeys, among });
    opened.defer(() => records.close());
    const { store } = records;
    const stands = standsIn(config, among);
    const shared = stands === 'alone' ? watched(state, { clock, log, store, alarms }, opened) : state;
    if (stands === 'among-others') openWatch({ clock, log, store }, opened);
    const followed = await openFollowedDirectory({ config, clock, log, store, presence, among });
    opened.defer(() => followed.close());
    const keptBudgets = await openKeptBudgets({ config, clock, log, spool: records.spool, followed, among });
    opened.defer(() => keptBudgets.close());
    const sealers = createSealers({ dataKeys: store.dataKeys, masterKeys, clock, presence });
    opened.defer(() => sealers.close());
    const close = () => opened.disposeAsync();
    return { alarms, records, shared, sealers, masterKeys, followed, keptBudgets, close };
  } catch (thrown) {
    await opened.disposeAsync();
    throw thrown;
  }
}

/** What nobody shares is not as it should be where somebody else is there. */
function watched(shared: Shared, options: AloneWatchOptions, opened: AsyncDisposableStack): Shared {
  const watch = openWatch(options, opened);
  const state = {
    get degraded() {
      return watch.isCrowded;
    },
    turnsLost: 0,
  };
  return { ...shared, state };
}

function openWatch(options: AloneWatchOptions, opened: AsyncDisposableStack): AloneWatch {
  const watch = new AloneWatch(options);
  opened.defer(() => watch.close());
  watch.start();
  return watch;
}

function openSharedState({ loaded, clock, among }: GatewayOptions, alarms: Alarms): Promise<Shared> {
  return openShared(loaded.config.shared, {
    clock,
    id: randomUUID(),
    serves: among?.role !== 'primary',
    onTrouble: (trouble) => alarms.outage('shared', trouble),
  });
}
