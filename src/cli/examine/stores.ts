/** Where state is kept: whether it can be reached, and whether this gateway and its database can work together. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { systemClock } from '../../lib/clock.ts';
import { openShared } from '../../stores/open-shared.ts';
import { openStore } from '../../stores/open-store.ts';
import type { SharedStateOption } from '../../stores/shared-options.ts';
import { SchemaTooNewError } from '../../stores/sql/migrate.ts';
import { sayOutage } from '../../stores/sql/outage.ts';
import { fileName } from '../../stores/store-options.ts';
import { bad, type Diagnosis, ok, warn } from './finding.ts';

export async function examineStores(config: Config): Promise<readonly Diagnosis[]> {
  const { shared, store } = config;
  if (shared !== 'memory') {
    const { gateways, diagnosis } = await examineShared(shared);
    return [(await examineStore(config, gateways)).diagnosis, diagnosis];
  }
  const { diagnosis, gatewaysAlone } = await examineStore(config, 1);
  return store === 'sqlite' ? [diagnosis] : [diagnosis, examineAlone(gatewaysAlone)];
}

function examineAlone(gateways: number): Diagnosis {
  const area = 'shared';
  const mend = 'run one gateway, or set `shared: redis://HOST:PORT` for all';
  const says = (who: string) => `kept in memory${who} slots, limits and budgets for itself`;
  if (gateways < 2) return warn(area, says(': a second gateway at this store would count'), mend);
  return bad(area, says(`, and ${gateways} gateways are at this store: each counts`), mend);
}

interface ExaminedStore {
  readonly diagnosis: Diagnosis;
  readonly gatewaysAlone: number;
}

async function examineStore(config: Config, gateways: number): Promise<ExaminedStore> {
  const area = 'store';
  const told = (diagnosis: Diagnosis, gatewaysAlone = 0) => ({ diagnosis, gatewaysAlone });
  // Opening it would make it.
  if (config.store === 'sqlite' && !existsSync(join(config.data, fileName)))
    return told(ok(area, 'SQLite, made when the first exchange is kept'));
  try {
    const store = await openStore(config.store, {
      dataDir: config.data,
      replicas: () => 1,
      clock: systemClock,
      onTrouble: () => {},
      looks: true,
    });
    try {
      const health = await store.check();
      const { dialect, version, schemaStep, schemaKnown, tookMs, connections, gatewaysAlone } = health;
      const says = `${dialect} ${version}, answers in ${Math.round(tookMs)} ms, schema at step ${schemaStep}`;
      if (connections !== undefined && gateways > connections.ofAll) {
        const scarce = `${gateways} gateways take turns at the ${connections.ofAll} connections that it has for them`;
        const mend = 'raise max_connections of PostgreSQL: ten more than gateways at least';
        return told(warn(area, `${says}; ${scarce}`, mend), gatewaysAlone);
      }
      const next = schemaStep >= schemaKnown ? '' : `; the next start takes it to ${schemaKnown}`;
      return told(ok(area, `${says}${next}`), gatewaysAlone);
    } finally {
      await store.close();
    }
  } catch (thrown) {
    const says = thrown instanceof Error ? sayOutage(thrown) : String(thrown);
    if (thrown instanceof SchemaTooNewError) return told(bad(area, says, 'run the newer gateway'));
    return told(bad(area, says, 'start the database, or correct `store`: until then rows wait in the spool'));
  }
}

async function examineShared(
  option: SharedStateOption,
): Promise<{ readonly gateways: number; readonly diagnosis: Diagnosis }> {
  const area = 'shared';
  let trouble = 'it cannot be reached';
  const shared = await openShared(option, {
    clock: systemClock,
    id: `doctor-${process.pid}`,
    onTrouble: (told) => {
      trouble = told?.message ?? trouble;
    },
  });
  try {
    const gateways = shared.presence.count() - 1;
    const diagnosis = shared.state.degraded
      ? warn(area, trouble, 'start Redis, or correct `shared`: until then each replica enforces its part')
      : ok(area, `Redis answers; ${gateways} gateway(s) share it now`);
    return { gateways, diagnosis };
  } finally {
    await shared.close();
  }
}
