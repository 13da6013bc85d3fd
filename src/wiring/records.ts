/** What outlives the process: the ledger of finished exchanges with the spool on its way there, and the audit log. */
import { join } from 'node:path';
import type { InstallConfig } from '../config/schema.ts';
import type { Auditor } from '../core/audit.ts';
import type { Spool } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import type { KeyRing } from '../lib/seal.ts';
import { createLazyStore } from '../stores/lazy-store.ts';
import { openSpool } from '../stores/spool/open-spool.ts';
import type { Store } from '../stores/sql/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Alarms } from './alarms.ts';
import { openAuditor } from './open-auditor.ts';
import type { Among } from './workers/among.ts';

export interface Records {
  readonly store: Store;
  readonly spool: Spool;
  readonly auditor: Auditor;
  /** As far as anybody has tried. */
  readonly reachable: boolean;
  /** Ships what is left first. */
  close(): Promise<void>;
}

export interface RecordsOptions {
  readonly config: InstallConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly alarms: Pick<Alarms, 'outage' | 'note'>;
  readonly masterKeys: KeyRing;
  /** Who shares the folder of the spool, if anybody does. */
  readonly among?: Among | undefined;
  /** How many gateways share the store now. */
  readonly replicas: () => number;
}

/** A laptop that asks nothing for a minute gets the memory of its database back. */
const storeIdleMs = 60_000;

const segmentBytesMax = 16 * 1024 * 1024;
/** A file goes as a whole: of fewer, a full spool would have no room before it is empty. */
const segmentsMin = 16;

/** Needs no database to be there: rows wait in the spool for it. */
export async function openRecords(options: RecordsOptions): Promise<Records> {
  const { config, clock, log, alarms, replicas, masterKeys, among } = options;
  // What it may hold is for all that write there; whoever starts them writes nothing.
  const spoolBytesMax = Math.ceil(config.spool.bytes / (among?.workers ?? 1));
  let reachable = true;
  const onTrouble = (trouble: Error | undefined) => {
    reachable = trouble === undefined;
    alarms.outage('store', trouble);
  };
  const store = createLazyStore({
    clock,
    idleMs: storeIdleMs,
    onCloseFailed: (cause) =>
      log.error({ message: String(cause) }, 'the store could not be closed; it is opened anew when needed'),
    open: async () => {
      const { openStore } = await import('../stores/open-store.ts');
      const onScarce = (told: string | undefined) => alarms.note('store', told);
      return await openStore(config.store, { dataDir: config.data, replicas, clock, onTrouble, onScarce });
    },
  });
  const spool = await openSpool({
    dir: join(config.data, 'spool'),
    clock,
    ledger: store.ledger,
    masterKeys,
    sealsLines: config.secrets.sealSpool,
    spoolBytesMax,
    segmentBytesMax: Math.min(segmentBytesMax, Math.ceil(spoolBytesMax / segmentsMin)),
    onRun: (run) => among?.onRun(run),
    told: {
      cannotWrite: (trouble) => alarms.outage('spool', trouble),
      cannotShip: (trouble) => alarms.outage('ledger', trouble),
      refused: ({ id }, reason) =>
        log.error({ id, message: reason.message }, 'the ledger refused an exchange: it is in refused.jsonl'),
      lost: (exchanges) =>
        log.warn({ exchanges }, 'a gateway died with exchanges under way: they are in the ledger as lost'),
      wentDown: (lastHeardMs) =>
        log.warn(
          { lastHeardAt: new Date(lastHeardMs).toISOString() },
          'the machine went down under a gateway: up to a second of exchanges may be missing in the ledger, at most five later',
        ),
    },
  });
  const auditor = openAuditor({ audit: store.audit, clock, log });
  return {
    store,
    spool,
    auditor,
    get reachable() {
      return reachable;
    },
    close: async () => {
      await auditor.close();
      await spool.close();
      await store.close();
    },
  };
}
