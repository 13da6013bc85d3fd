/** Where state is kept: whether it can be reached, and whether this gateway and its database can work together. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { systemClock } from '../../lib/clock.ts';
import { openShared } from '../../stores/open-shared.ts';
import { openStore } from '../../stores/open-store.ts';
import { SchemaTooNewError } from '../../stores/sql/migrate.ts';
import { fileName } from '../../stores/store-options.ts';
import { bad, type Diagnosis, ok, warn } from './finding.ts';

export async function examineStores(config: Config): Promise<readonly Diagnosis[]> {
  const { gateways, diagnoses } = await examineShared(config);
  return [await examineStore(config, gateways), ...diagnoses];
}

async function examineStore(config: Config, gateways: number): Promise<Diagnosis> {
  const area = 'store';
  // Opening it would make it.
  if (config.store === 'sqlite' && !existsSync(join(config.data, fileName)))
    return ok(area, 'SQLite, made when the first exchange is kept');
  try {
    const store = await openStore(config.store, {
      dataDir: config.data,
      replicas: () => 1,
      clock: systemClock,
      onTrouble: () => {},
      looks: true,
    });
    try {
      const { dialect, version, schemaStep, schemaKnown, tookMs, connections } = await store.check();
      const says = `${dialect} ${version}, answers in ${Math.round(tookMs)} ms, schema at step ${schemaStep}`;
      if (connections !== undefined && gateways > connections.ofAll) {
        const scarce = `${gateways} gateways take turns at the ${connections.ofAll} connections that it has for them`;
        return warn(
          area,
          `${says}; ${scarce}`,
          'raise max_connections of PostgreSQL: ten more than gateways at least',
        );
      }
      if (schemaStep >= schemaKnown) return ok(area, says);
      return ok(area, `${says}; the next start takes it to ${schemaKnown}`);
    } finally {
      await store.close();
    }
  } catch (thrown) {
    const says = thrown instanceof Error ? thrown.message : String(thrown);
    if (thrown instanceof SchemaTooNewError) return bad(area, says, 'run the newer gateway');
    return bad(area, says, 'start the database, or correct `store`: until then rows wait in the spool');
  }
}

async function examineShared({
  shared: option,
  store,
}: Config): Promise<{ readonly gateways: number; readonly diagnoses: readonly Diagnosis[] }> {
  const area = 'shared';
  if (option === 'memory') {
    const says =
      'kept in memory: a second gateway at this store would count slots, limits and budgets for itself';
    const hint = 'run one gateway, or set `shared: redis://HOST:PORT` for all';
    return { gateways: 1, diagnoses: store === 'sqlite' ? [] : [warn(area, says, hint)] };
  }
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
    return { gateways, diagnoses: [diagnosis] };
  } finally {
    await shared.close();
  }
}
